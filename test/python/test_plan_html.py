"""The page of `narae plan --html`, in a browser."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from browser import Browser
from conftest import BUILD, ROOT

pytestmark = pytest.mark.xdist_group("browser")

CONFIGS = ROOT / "test" / "data" / "configs"
REQUESTS = {
    "too much": ("a.x-k1", ["--target=nvidia:h100", "--devices=8", "--precision=bf16"]),
    "pools": ("llama-3.3-70b", ["--target=npu:rebel-quad", "--precision=fp8", "--batch=8"]),
    "stages": (
        "k-exaone-236b-a23b",
        [
            "--target=nvidia:h200",
            "--parallel=tp=2,ep=2,pp=2",
            "--precision=bf16",
            "--batch=5",
            "--context=33000",
        ],
    ),
}
# All visible text: its rectangle, size and words.
TEXTS = """
(() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const { parentElement: parent, textContent: text } = walk.currentNode;
    if (!text.trim() || parent.closest("script, noscript, #tooltip, [hidden]")) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const inSvg = parent instanceof SVGElement;
    for (const box of inSvg ? [parent.getBoundingClientRect()] : range.getClientRects()) {
      if (box.width < 1) continue;
      found.push([box.left, box.top, box.right, box.bottom,
                  parseFloat(getComputedStyle(parent).fontSize), text.trim()]);
    }
  }
  return found;
})()
"""


def command(name: str, *more: str) -> list[str]:
    model, options = REQUESTS[name]
    config = str(CONFIGS / model / "config.json")
    return [str(BUILD / "bin" / "narae"), "plan", config, *options, *more]


def plan_of(name: str, *more: str) -> dict:
    done = subprocess.run(
        command(name, "--json", *more), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    result = {}
    for name in REQUESTS:
        result[name] = folder / f"{name.replace(' ', '-')}.html"
        plan_of(name, f"--html={result[name]}")
    return result


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


def check_texts(browser: Browser, width: float, least: int = 30) -> None:
    """Text is large enough, within the window, and nowhere on other text."""
    texts = browser.evaluate(TEXTS)
    assert len(texts) > least
    for left, _, right, _, size, text in texts:
        assert size >= 11, text
        assert left >= -0.5, text
        assert right <= width + 0.5, text
    for i, (left, top, right, bottom, _, text) in enumerate(texts):
        for other in texts[i + 1 :]:
            across = min(right, other[2]) - max(left, other[0])
            down = min(bottom, other[3]) - max(top, other[1])
            # Boxes have room above and below the letters.
            assert across <= 1 or down <= 3, (text, other[5])


def click_label(browser: Browser, start: str, panel: int = 0) -> None:
    browser.evaluate(
        f"""[...document.querySelectorAll(".panel")[{panel}].querySelectorAll(".label")]
            .find((label) => label.textContent.startsWith("{start}"))
            .dispatchEvent(new MouseEvent("click", {{ bubbles: true }}))"""
    )
    browser.settle()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("width", "zoom"), [(800, 1), (1280, 1), (1920, 1), (1280, 2), (1920, 0.8)]
)
@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_legible(
    browser: Browser, pages: dict[str, Path], name: str, width: int, zoom: float, scheme: str
) -> None:
    browser.dark(scheme == "dark")
    browser.resize(width, zoom=zoom)
    browser.open(pages[name])
    check_texts(browser, width / zoom)
    # The same when a part is open, and a part of that.
    click_label(browser, "weights")
    check_texts(browser, width / zoom)
    click_label(browser, "layer")
    assert browser.evaluate("document.querySelectorAll('.crumbs button').length") == 2
    check_texts(browser, width / zoom)
    browser.evaluate("document.querySelector('.crumbs button').click()")
    browser.settle()
    click_label(browser, "activations")
    check_texts(browser, width / zoom)
    assert not browser.problems()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(browser: Browser, pages: dict[str, Path], scheme: str) -> None:
    """Words differ from what is behind them as WCAG AA asks: 4.5 to 1."""
    browser.dark(scheme == "dark")
    browser.resize(1280)
    browser.open(pages["too much"])
    colours = browser.evaluate(
        """Object.fromEntries(["ink", "quiet", "accent", "good", "bad", "paper", "card",
             "on-band", "activations", "activations-2"].map((name) =>
               [name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)]))"""
    )

    def luminance(name: str) -> float:
        digits = re.fullmatch(r"#(\w\w)(\w\w)(\w\w)", colours[name].strip())
        assert digits, colours[name]
        parts = [int(d, 16) / 255 for d in digits.groups()]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    pairs = [(t, b) for t in ("ink", "quiet", "accent", "good", "bad") for b in ("paper", "card")]
    pairs += [("on-band", "activations"), ("on-band", "activations-2")]
    for text, behind in pairs:
        low, high = sorted((luminance(text), luminance(behind)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, behind)


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_sliders_say_what_the_tool_says(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    browser.resize(1280)
    browser.open(pages[name])
    planned = plan_of(name)
    check_figures(browser, planned)
    last = {
        slider: int(browser.evaluate(f"document.querySelector('#{slider}').max"))
        for slider in ("batch", "context")
    }
    for batch, context in ((0, 0), (last["batch"], last["context"]), (3, last["context"] // 2)):
        for slider, position in (("batch", batch), ("context", context)):
            browser.evaluate(
                f"""(() => {{ const slider = document.querySelector('#{slider}');
                    slider.value = {position};
                    slider.dispatchEvent(new Event('input')); }})()"""
            )
        request = [
            f"--{slider}="
            + browser.evaluate(f"document.querySelector('#{slider}-value').dataset.value")
            for slider in ("batch", "context")
        ]
        parallel = ",".join(f"{key}={value}" for key, value in planned["parallel"].items())
        arguments = [*command(name, *request, "--json")]
        arguments = [a for a in arguments if not a.startswith(("--parallel", "--devices"))]
        # An option that is given twice counts as it is given last.
        done = subprocess.run(
            [*arguments, f"--parallel={parallel}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        check_figures(browser, json.loads(done.stdout))
    browser.evaluate("document.querySelector('#reset').click()")
    check_figures(browser, planned)
    assert not browser.problems()


def check_figures(browser: Browser, plan: dict) -> None:
    """The page's figures, and its buffers, are those of the plan."""
    data = browser.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.figure')]"
        ".map((figure) => [figure.id, { ...figure.dataset }]))"
    )
    assert data["verdict"]["fits"] == str(plan["fits"]).lower()
    assert data["room"] == {k: str(plan["room"][k]) for k in ("tokens", "sequences")}
    for step in ("prefill", "decode"):
        for field in ("estimate", "bound"):
            assert float(data[step][field]) == pytest.approx(plan[step][f"{field}_ms"], rel=1e-12)
    assert int(data["tightest"]["peak"]) == max(space["peak"] for space in plan["spaces"])
    drawn = browser.evaluate(
        """page.panels.map(({ run, panel }) => {
             const part = (kind) => panel.space.tree.children.find((c) => c.kind === kind)?.size;
             const all = [];
             const visit = (node) => (node.children ? node.children.forEach(visit)
                                                    : all.push([node.offset, node.size, node.from,
                                                                node.to, node.kind]));
             visit(panel.space.tree);
             return { spaces: run, peak: panel.space.peak, weights: part("weights"),
                      cache: part("cache"), activations: part("activations"), buffers: all };
           })"""
    )
    spaces = {(space["device"], space["name"]): space for space in plan["spaces"]}
    seen = [(device, name) for panel in drawn for device, name in panel["spaces"]]
    assert sorted(seen) == sorted(spaces)
    for panel in drawn:
        space = spaces[tuple(panel["spaces"][0])]
        for part in ("weights", "cache", "activations"):
            assert panel[part] == pytest.approx(space[part], rel=1e-9, abs=2)
        for region in space.get("regions", []):
            start = min(b[0] for b in panel["buffers"] if b[4] == region["stream"])
            assert start == pytest.approx(region["offset"], abs=2)
        assert panel["peak"] == space["peak"]
        held = [b for b in panel["buffers"] if b[4] in ("weights", "cache", "activations")]
        end = space["peak"]
        if "regions" in space:  # each kind of data in banks of its own
            end = max(end, space["capacity"] - space["reserve"])
        assert max(b[0] + b[1] for b in held) <= end + 2
        # No two buffers share an address at one time.
        for kind in ("weights", "cache"):
            ends = sorted((b[0], b[0] + b[1]) for b in held if b[4] == kind)
            assert all(a[1] <= b[0] + 1 for a, b in pairwise(ends))
        parts = [b for b in held if b[4] == "activations"]
        for i, a in enumerate(parts):
            for b in parts[i + 1 :]:
                apart = a[3] <= b[2] or b[3] <= a[2]
                assert apart or a[0] + a[1] <= b[0] + 1 or b[0] + b[1] <= a[0] + 1


def tooltip(browser: Browser) -> str:
    return browser.evaluate(
        "((tip) => (tip.hidden ? '' : tip.innerText))(document.querySelector('#tooltip'))"
    )


def test_pointing_and_keys(browser: Browser, pages: dict[str, Path]) -> None:
    browser.dark(False)
    browser.resize(1280, 1600)
    browser.open(pages["too much"])
    assert tooltip(browser) == ""
    box = browser.evaluate(
        """(() => { const box = document.querySelectorAll('[data-index]')[20]
                       .getBoundingClientRect();
              return [box.left + 100, box.top + box.height / 2]; })()"""
    )
    browser.move(*box)
    words = tooltip(browser)
    for word in ("layer", "size", "offset", "lifetime", "always", "buffers"):
        assert word in words
    browser.click(*box)
    browser.move(*box)
    assert "model.layers." in tooltip(browser)
    browser.move(2, 2)
    assert tooltip(browser) == ""
    # Keys alone: into the picture, along it, deeper and out.
    browser.open(pages["too much"])
    browser.evaluate("document.querySelector('svg [tabindex=\"0\"]').focus()")
    browser.settle()
    assert "embedding" in tooltip(browser)
    browser.press("ArrowUp")
    assert "layer 0" in tooltip(browser)
    browser.press("Enter")
    assert "model.layers.0." in tooltip(browser)
    browser.press("Escape")
    assert browser.evaluate("document.querySelector('[aria-current]').textContent") == "weights"
    browser.press("Escape")
    assert browser.evaluate("document.querySelector('[aria-current]')") is None
    browser.press("End")
    assert "reserve" in tooltip(browser)
    # What is drawn says for a screen reader what it is.
    names = browser.evaluate(
        "[...document.querySelectorAll('[data-index]')].map((s) => s.getAttribute('aria-label'))"
    )
    assert all("size" in name and "offset" in name for name in names)
    assert not browser.problems()


def test_each_space_in_a_panel(browser: Browser, pages: dict[str, Path]) -> None:
    browser.resize(1920)
    browser.open(pages["pools"])
    count = "document.querySelectorAll('#panels .panel').length"
    assert browser.evaluate(count) == 1
    browser.evaluate("document.querySelector('#every-space').click()")
    browser.settle()
    assert browser.evaluate(count) == 4
    check_texts(browser, 1920)
    check_figures(browser, plan_of("pools"))


def test_fast_memory(browser: Browser, pages: dict[str, Path]) -> None:
    """What lies over each pool, in a panel for prefill and one for decode."""
    near = plan_of("pools")["near"]
    browser.resize(1280)
    browser.open(pages["pools"])
    shown = browser.evaluate("page.data.near")
    assert [use["step"] for use in shown] == ["prefill", "decode"]
    for use, step in zip(shown, near["steps"], strict=True):
        assert use["peak"] == step["peak"] <= use["usable"]
        places = use["buffers"]
        assert max(offset + size for _, _, _, offset, size, _ in places) <= use["peak"]
        for i, (_, first, last, low, size, _) in enumerate(places):
            for _, first2, last2, low2, size2, _ in places[i + 1 :]:
                together = first < last2 and first2 < last
                assert not together or low + size <= low2 or low2 + size2 <= low
    assert browser.evaluate("document.querySelectorAll('#near-panels .panel').length") == 2
    browser.open(pages["stages"])
    assert browser.evaluate("document.querySelectorAll('#near-panels .panel').length") == 0


def test_self_contained_small_and_repeatable(pages: dict[str, Path], tmp_path: Path) -> None:
    for name, path in pages.items():
        text = path.read_text()
        assert path.stat().st_size < 3_000_000
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
        assert not re.search(r"<(script|link|img)[^>]+(src|href)=(?!\"data:,\")", text)
        again = tmp_path / "again.html"
        plan_of(name, f"--html={again}")
        assert again.read_bytes() == path.read_bytes()


def test_names_are_only_text(browser: Browser, tmp_path: Path) -> None:
    """A model's folder may be called anything."""
    folder = tmp_path / "<img src=x onerror=alert(1)>&</script>{{data}}"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes((CONFIGS / "qwen3-32b" / "config.json").read_bytes())
    page = tmp_path / "page.html"
    done = subprocess.run(
        [BUILD / "bin" / "narae", "plan", folder, "--target=nvidia:h100", f"--html={page}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    browser.open(page)
    assert "{{data}} on 1 x nvidia:h100" in browser.evaluate("document.title")
    assert not browser.problems()


@pytest.mark.parametrize("width", [800, 1280])
def test_graph(browser: Browser, tmp_path: Path, width: int) -> None:
    """An ONNX file: buffers over operators, no sliders, advice where it does not fit."""
    target = json.loads((ROOT / "backends" / "npu" / "targets" / "atom.json").read_text())
    for field, value in (("capacity", 48 << 20), ("reserve", 2 << 20)):
        target["memory"][field] = {"value": value, "assumed": "for a test"}
    (tmp_path / "small.json").write_text(json.dumps(target))
    page = tmp_path / "graph.html"
    model = str(ROOT / "test" / "data" / "minilm" / "model.onnx")
    options = ["--dim", "seq=64", "--batch=2"]
    command = [str(BUILD / "bin" / "narae"), "plan", model, *options]
    command += [f"--target={tmp_path / 'small.json'}", f"--html={page}", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert not result["fits"]
    assert result["advice"]
    browser.resize(width)
    browser.open(page)
    check_texts(browser, width)
    click_label(browser, "weights")
    check_texts(browser, width)
    browser.evaluate("document.querySelector('.crumbs button').click()")
    browser.settle()
    click_label(browser, "activations")
    check_texts(browser, width)
    assert not browser.problems()
    assert browser.evaluate("document.querySelector('#controls').hidden")
    shown = browser.evaluate("({ ...document.querySelector('#tightest').dataset })")
    space = result["spaces"][0]
    assert float(shown["peak"]) == space["peak"]
    assert float(shown["usable"]) == space["capacity"] - space["reserve"]
    estimate = browser.evaluate("Number(document.querySelector('#run').dataset.estimate)")
    assert estimate == pytest.approx(result["run"]["estimate_ms"], rel=1e-9)
    words = browser.evaluate("document.body.innerText")
    assert result["advice"][0]["change"] in words
    assert "tokens" not in words
    # Names and lifetimes are those of operators.
    buffers = browser.evaluate("page.data.arenas[0].length")
    assert buffers > 20
    assert browser.evaluate("page.data.steps.length") > 20
