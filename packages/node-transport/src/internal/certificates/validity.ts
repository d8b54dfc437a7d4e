/** Times of certificates, in milliseconds since 1970. */

/** A span of time, both ends included. */
export interface Period {
  readonly from: number
  readonly to: number
}

const hour = 3_600_000
const day = 24 * hour

/** Returns the time that all periods have in common. */
export const common = (periods: ReadonlyArray<Period>): Period => ({
  from: Math.max(...periods.map(({ from }) => from)),
  to: Math.min(...periods.map(({ to }) => to)),
})

/** Formats a time for messages, in whole seconds. */
export const describeTime = (millis: number): string => new Date(millis).toISOString().replace(/\.\d+Z$/, "Z")

/** Tests a period. The message has both times, because the clock of this machine can be wrong. */
export const problemOf = (
  { from, to }: Period,
  now: number,
): { readonly reason: "expired" | "notYetValid"; readonly message: string } | undefined => {
  if (now > to) return { reason: "expired", message: `valid to ${describeTime(to)}, and ${here(now)}` }
  if (now < from) return { reason: "notYetValid", message: `valid from ${describeTime(from)}, and ${here(now)}` }
  return undefined
}

const here = (now: number): string => `it is ${describeTime(now)} here`

/** Longest time before the expiry of a certificate at which its connections are renewed. */
const renewalMargin = hour

/** Returns the time of the renewal of connections: when a third of the life is left, or an hour, whichever is less. */
export const renewalTime = ({ from, to }: Period): number => to - Math.min((to - from) / 3, renewalMargin)

/** Longest time before the expiry at which the warnings begin. */
const warningMargin = 7 * day

/**
 * Returns the time of the next warning: from 7 days or a third of the life before the expiry on, whichever is less, once a day, and once
 * an hour on the last day and after it. `last` is the time of the warning before.
 */
export const nextWarning = ({ from, to }: Period, last: number | undefined): number =>
  last === undefined ? to - Math.min((to - from) / 3, warningMargin) : last + (to - last > day ? day : hour)
