/** The dashboard: the cluster as every member sees it, in one page. */
import { render } from "preact"
import "uplot/dist/uPlot.min.css"
import "./style.css"
import { DashboardStore, type State } from "./data/DashboardStore.ts"
import { App } from "./view/App.tsx"

const root = document.querySelector("#app")

if (root !== null) {
  const show = (state: State) => render(<App state={state} store={store} />, root)
  const store = new DashboardStore(show)
  show(store.state)
  store.start()
}
