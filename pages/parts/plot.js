// Draws a Plotly figure and keeps it: new points are put into the chart that is there, so that nothing flickers, and
// what a person zoomed, hid or hovers over stays. Tells the page which stretch of the x axis was zoomed to.

function library(version) {
  window.bancadaPlotly ??= new Promise((done, failed) => {
    const script = document.createElement("script")
    script.src = new URL(`plotly.js?v=${version}`, document.baseURI).href
    script.onload = () => done(window.Plotly)
    script.onerror = () => {
      window.bancadaPlotly = undefined
      failed(new Error("The charts' library could not be loaded; reload the page."))
    }
    document.head.append(script)
  })
  return window.bancadaPlotly
}

// The colours of the page's theme, light or dark, under everything that the figure says itself.
function themed(layout, element) {
  const style = getComputedStyle(element)
  const of = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise
  const text = of("--st-text-color", "#808080")
  const line = of("--st-border-color", "#80808040")
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, tickcolor: line, tickfont: { color: text } }
  const axes = {}
  for (const name of ["xaxis", "yaxis"]) axes[name] = { ...axis, ...layout[name] }
  return {
    ...layout,
    ...axes,
    font: { family: of("--st-font", "sans-serif"), size: 12, color: text, ...layout.font },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: line, activecolor: text, ...layout.modebar },
    hoverlabel: {
      bgcolor: of("--st-secondary-background-color", "#ffffff"),
      bordercolor: line,
      font: { color: text, family: of("--st-font", "sans-serif") },
      align: "left",
      ...layout.hoverlabel,
    },
  }
}

function zoomed(event) {
  if (event["xaxis.autorange"]) return { from: null, to: null }
  const range = event["xaxis.range"] ?? [event["xaxis.range[0]"], event["xaxis.range[1]"]]
  return range[0] === undefined || range[1] === undefined ? null : { from: range[0], to: range[1] }
}

const CONFIG = {
  displaylogo: false,
  doubleClick: "autosize",
  displayModeBar: "hover",
  showTips: false,
  showSendToCloud: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d", "sendChartToCloud"],
}

class Chart {
  constructor(element) {
    this.element = element
    this.shown = ""
    this.held = false // a mouse button is down: a drag must not lose its chart
    element.addEventListener("pointerdown", () => (this.held = true))
    this.release = () => {
      if (!this.held) return
      this.held = false
      setTimeout(() => this.draw(), 0)
    }
    window.addEventListener("pointerup", this.release)
    this.observer = new ResizeObserver(() => {
      if (this.element.data && this.element.offsetWidth) window.Plotly.Plots.resize(this.element)
    })
  }

  async draw() {
    const { spec, alt, version } = this.wanted
    const figure = JSON.parse(spec)
    const layout = themed(figure.layout, this.element)
    const mark = spec + layout.font.color
    if (this.held || mark === this.shown) return
    this.shown = mark
    this.element.setAttribute("role", "figure")
    this.element.setAttribute("aria-label", alt)
    try {
      const plotly = await library(version)
      const first = !this.element.data
      await plotly.react(this.element, figure.data, layout, CONFIG)
      if (!first) return
      this.element.on("plotly_relayout", (event) => {
        const range = zoomed(event)
        if (range && this.tell) this.tell(range)
      })
      this.observer.observe(this.element)
    } catch (error) {
      this.shown = ""
      this.element.textContent = error.message
    }
  }

  end() {
    window.removeEventListener("pointerup", this.release)
    this.observer.disconnect()
    if (this.element.data) window.Plotly.purge(this.element)
  }
}

const charts = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data.spec) {
    window.setTimeout(() => library(data.version).catch(() => {}), 300)
    return
  }
  const element = parentElement.querySelector(".bancada-plot")
  element.style.height = `${data.height}px`
  if (!charts.has(element)) charts.set(element, new Chart(element))
  const chart = charts.get(element)
  chart.wanted = data
  chart.tell = data.zooms ? (range) => setTriggerValue("zoomed", range) : null
  chart.draw()
  return () => {
    chart.end()
    charts.delete(element)
  }
}
