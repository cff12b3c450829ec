let page;
{
  const data = JSON.parse(byId("data").textContent);
  if (data.kind === "plan") {
    page = new PlanPage(data);
  } else {
    page = new ArtifactPage(data);
  }
}
