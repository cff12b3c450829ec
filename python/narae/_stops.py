"""Stop strings in text that comes in pieces."""

from __future__ import annotations

from collections.abc import Iterable

from ._errors import Error


class StopStrings:
    """Lets text through up to the first stop string to be complete.

    How the text is cut into pieces changes nothing: what could be the
    beginning of a stop string waits until it is known.
    """

    def __init__(self, stops: str | Iterable[str] | None = None) -> None:
        stops = [stops] if isinstance(stops, str) else list(stops or ())
        for stop in stops:
            if not isinstance(stop, str) or not stop:
                raise Error(f"a stop string is a string that is not empty, not {stop!r}")
        self._stops: list[str] = stops
        self._waiting = ""
        self.stopped = False
        """Whether a stop string was found; all later text is dropped."""

    def push(self, piece: str) -> str:
        """Takes a piece and returns what may go out."""
        if self.stopped or not piece:
            return ""
        text = self._waiting + piece
        found = self._first(text)
        if found is not None:
            self.stopped = True
            self._waiting = ""
            return text[:found]
        keep = self._possible_beginning(text)
        self._waiting = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """What still waits when the text ends."""
        text, self._waiting = self._waiting, ""
        return text

    def _first(self, text: str) -> int | None:
        """Where the stop string begins that is the first to be complete."""
        places = [(text.find(stop), len(stop)) for stop in self._stops]
        ends = [(begin + length, begin) for begin, length in places if begin >= 0]
        return min(ends)[1] if ends else None

    def _possible_beginning(self, text: str) -> int:
        """The length of the longest end of the text that begins a stop string."""
        longest = 0
        for stop in self._stops:
            for length in range(min(len(stop) - 1, len(text)), longest, -1):
                if text.endswith(stop[:length]):
                    longest = length
                    break
        return longest
