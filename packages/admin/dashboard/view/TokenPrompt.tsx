import { useState } from "preact/hooks"
import type { DashboardStore } from "../data/DashboardStore.ts"

/** Asks for a token. It is not a form, because the policy of the page forbids sending forms. */
export const TokenPrompt = ({ message, store }: { readonly message: string; readonly store: DashboardStore }) => {
  const [token, setToken] = useState("")
  const [keep, setKeep] = useState(false)
  const use = () => {
    if (token.trim() !== "") store.useToken(token.trim(), keep)
  }
  return (
    <section class="token" aria-labelledby="token-title">
      <h2 id="token-title">A token is needed</h2>
      <p role="alert">{message}</p>
      <label>
        Token
        <input
          type="password"
          autocomplete="off"
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
          onKeyDown={({ key }) => {
            if (key === "Enter") use()
          }}
        />
      </label>
      <label>
        <input type="checkbox" checked={keep} onChange={({ currentTarget }) => setKeep(currentTarget.checked)} />
        Keep it until this tab is closed
      </label>
      <button type="button" onClick={use}>
        Use the token
      </button>
    </section>
  )
}
