/**
 * Local health (docs/protocol.md, section "Local health"; Lifeguard, section IV-A): a score from 0 to {@link worst}. A
 * fault that this node attributes to another peer may be its own, so the timeouts of this node grow with the score.
 */
import type { Draft } from "./Draft.ts"

/** Worst score. */
export const worst = 7

/** Worsens the score by one, after a fault that may be this node's own. */
export const worsen = (draft: Draft): void => {
  const { now, state } = draft
  state.health = Math.min(worst, state.health + 1)
  state.improvesAt = now + state.settings.linkTimeout
}

/** Improves the score by one, if a link timeout has passed since the last change. */
export const improveIfDue = (draft: Draft): void => {
  const { now, state } = draft
  if (state.health === 0 || now < state.improvesAt) return
  state.health--
  state.improvesAt = now + state.settings.linkTimeout
}
