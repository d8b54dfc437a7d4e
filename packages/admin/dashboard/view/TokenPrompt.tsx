import { useState } from "preact/hooks"
import type { DashboardStore } from "../data/DashboardStore.ts"

/** Asks for a token. The form is never sent: the policy of the page forbids it, too. */
export const TokenPrompt = ({ message, store }: { readonly message: string; readonly store: DashboardStore }) => {
  const [token, setToken] = useState("")
  const [keep, setKeep] = useState(false)
  const use = (event: Event) => {
    event.preventDefault()
    if (token.trim() !== "") store.useToken(token.trim(), keep)
  }
  return (
    <section aria-labelledby="token-title">
      <h2 id="token-title">A token is needed</h2>
      <form class="token" onSubmit={use}>
        <p role="alert">{message}</p>
        <label>
          Token
          <input
            type="password"
            autocomplete="off"
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        <label>
          <input type="checkbox" checked={keep} onChange={({ currentTarget }) => setKeep(currentTarget.checked)} />
          Keep it until this tab is closed
        </label>
        <button type="submit">Use the token</button>
      </form>
    </section>
  )
}
