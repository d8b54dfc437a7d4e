/** Statistics of pairs of windows: in each pair, both revisions were measured one after the other. */
import { median, percentile } from "../harness/rounds.ts"
import type { Time } from "./usage.ts"

/** Figures of one revision in one window. The names are the same in all windows of a case. */
export interface Window {
  readonly figures: ReadonlyMap<string, number>
  /** Times of the threads of both ends. */
  readonly time: Time
}

export interface Pair {
  readonly base: Window
  readonly head: Window
}

/** One figure of both revisions. */
export interface Comparison {
  readonly figure: string
  /** Medians of the windows. */
  readonly base: number
  readonly head: number
  /** Median of the ratios of the pairs, of the head to the base. */
  readonly ratio: number
  /** Quartiles of the ratios: half of the pairs lie between them. */
  readonly low: number
  readonly high: number
}

/** Returns whether the threads waited longer for a core than they ran. Such a window measures the other load. */
export const isCrowded = ({ time: { ran, waited } }: Window): boolean => waited > ran

/** Compares each figure of the pairs. */
export const compare = (pairs: ReadonlyArray<Pair>): ReadonlyArray<Comparison> =>
  [...(pairs[0]?.base.figures.keys() ?? [])].map((figure) => {
    const of = (window: Window): number => window.figures.get(figure) ?? Number.NaN
    // A helper thread may not run at all in a window of the base.
    const ratios = pairs
      .map(({ base, head }) => of(head) / of(base))
      .filter(Number.isFinite)
      .sort((a, b) => a - b)
    return {
      figure,
      base: middle(pairs.map(({ base }) => of(base))),
      head: middle(pairs.map(({ head }) => of(head))),
      ratio: middle(ratios),
      low: percentile(ratios, 0.25),
      high: percentile(ratios, 0.75),
    }
  })

const middle = (values: ReadonlyArray<number>): number => median(values) ?? Number.NaN
