/**
 * How far this node distrusts itself (docs/protocol.md, section "Local health"; Lifeguard, section IV-A): a score from 0 to
 * {@link worst}. What it takes for the fault of another may be its own, so its patience grows with the score.
 */
import type { Draft } from "./Draft.ts"

export const worst = 7

/** Something went wrong that may be this node's own fault. */
export const worsen = (draft: Draft): void => {
  const { now, state } = draft
  state.health = Math.min(worst, state.health + 1)
  state.mendsAt = now + state.settings.linkTimeout
}

/** A link timeout without a further fault makes it better by one. */
export const mend = (draft: Draft): void => {
  const { now, state } = draft
  if (state.health === 0 || now < state.mendsAt) return
  state.health--
  state.mendsAt = now + state.settings.linkTimeout
}
