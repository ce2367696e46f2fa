// Draws charts in the page, without code made of text, styles of its own or other hosts (see forms.browser_bundle).

const LEGEND_COLUMN = 170; // as in theme.py
const PANEL = 300;
const drawn = new WeakMap();

// What depends on the room there is, and that Vega-Lite does not do itself.
function fitted(spec, room) {
  const fit = structuredClone(spec);
  fit.config.legend.columns = Math.max(1, Math.floor(room / LEGEND_COLUMN));
  for (const view of fit.layer ?? []) {
    const axis = view.encoding?.y?.axis;
    if (axis?.labelLimit) axis.labelLimit = Math.min(axis.labelLimit, Math.floor(room / 3));
  }
  if (fit.facet) {
    fit.columns = Math.max(1, Math.min(fit.columns, Math.floor(room / PANEL)));
    fit.spec.width = Math.floor(room / fit.columns) - fit.usermeta.beside;
  }
  return fit;
}

// Draws the chart that spec (Vega-Lite) says into element, in the place of one drawn there before.
window.nodehoursDraw = async (element, spec, options = {}) => {
  drawn.get(element)?.finalize();
  const result = await vegaEmbed(element, fitted(spec, element.clientWidth), {
    mode: "vega-lite",
    renderer: "svg",
    ast: true,
    actions: false,
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
    ...options,
  });
  drawn.set(element, result);
  return result;
};
