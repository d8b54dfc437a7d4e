import { useState } from "preact/hooks"
import { printable } from "../../src/internal/printable.ts"
import type { DashboardStore, State } from "../data/DashboardStore.ts"
import { Events } from "./Events.tsx"
import { Links } from "./Links.tsx"
import { Members } from "./Members.tsx"
import { Plots } from "./Plots.tsx"
import { SharedState } from "./SharedState.tsx"
import { TokenPrompt } from "./TokenPrompt.tsx"

/** Sign and word of each level, so that a level is not shown by its color alone. */
const levels = { ok: "✓ ok", warning: "▲ warning", critical: "✕ critical" } as const

const Verdict = ({ report }: { readonly report: State["report"] }) => {
  const verdict = report?.verdict
  return (
    <>
      <p role="status" class={`verdict ${verdict?.level ?? ""}`}>
        {verdict === undefined ? (
          "Waiting for the first report"
        ) : (
          <>
            <span class="level">{`${levels[verdict.level]}${verdict.settling ? " (settling)" : ""}`}</span>{" "}
            {printable(verdict.sentence)}
          </>
        )}
      </p>
      {verdict !== undefined && verdict.details.length > 0 && (
        <ul class="details">
          {verdict.details.map((line, index) => (
            <li key={index}>{printable(line)}</li>
          ))}
        </ul>
      )}
    </>
  )
}

/** Changes between the light and the dark colors. The first choice is that of the system. */
const ThemeButton = () => {
  const [theme, setTheme] = useState(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")
  const other = theme === "dark" ? "light" : "dark"
  const toggle = () => {
    document.documentElement.dataset["theme"] = other
    setTheme(other)
  }
  return (
    <button type="button" onClick={toggle}>
      {`Use ${other} colors`}
    </button>
  )
}

export const App = ({ state, store }: { readonly state: State; readonly store: DashboardStore }) => {
  const { hasToken, matrix, report, reportsLost, self, streamLost, tokenNeeded } = state
  return (
    <>
      <header>
        <div class="top">
          <h1>{`Coterie ${printable(self?.cluster ?? "")}`.trim()}</h1>
          {report !== undefined && (
            <span class="asked">{`asked by ${printable(report.askedBy)} in ${report.tookMillis.toFixed(0)} ms`}</span>
          )}
          {hasToken && tokenNeeded === undefined && (
            <button type="button" onClick={() => store.forgetToken()}>
              Forget the token
            </button>
          )}
          <ThemeButton />
        </div>
        {tokenNeeded === undefined && <Verdict report={report} />}
        {tokenNeeded === undefined && reportsLost !== undefined && (
          <p role="alert" class="lost">{`No report since ${reportsLost}; trying again.`}</p>
        )}
        {tokenNeeded === undefined && streamLost !== undefined && (
          <p role="alert" class="lost">{`The event stream is lost since ${streamLost}; trying again.`}</p>
        )}
      </header>
      <main>
        {tokenNeeded !== undefined && <TokenPrompt message={tokenNeeded} store={store} />}
        {tokenNeeded === undefined && matrix !== undefined && report !== undefined && (
          <>
            <div class="column">
              <Links matrix={matrix} self={self} />
              <SharedState shared={state.shared} store={store} />
            </div>
            <div class="column">
              <Members report={report} self={self} />
              <Plots history={state.history} reports={state.reports} />
              <Events events={state.events} />
            </div>
          </>
        )}
      </main>
    </>
  )
}
