function render({ model, el }) {
  const show = () => {
    el.textContent = model.get("takes").map((take) => take.name).join(", ");
  };
  model.on("change:takes", show);
  show();
}
export default { render };
