/** Part of the trace that is drawn, with its filters and its highlights. */
export interface View {
  /** Row at the top. */
  readonly top: number
  /** Height of a row in pixels. */
  readonly zoom: number
  /** Pixels of the lanes that are scrolled out of the view on the left. */
  readonly left: number
  readonly width: number
  readonly height: number
  /** Names of the filters that are off: names of groups, and names of kinds by `kindFilter`. */
  readonly hidden: ReadonlySet<string>
  /** Selected event. */
  readonly selected: number | undefined
  /** Events that could have influenced the selected event. */
  readonly past: ReadonlyArray<boolean> | undefined
  /** Event that the Tab key reaches. */
  readonly active: number | undefined
}
