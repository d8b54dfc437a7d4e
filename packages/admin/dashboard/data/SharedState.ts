import type { ComponentReport, StateReport } from "../../src/Report.ts"
import { type Id, isSame } from "../model/components.ts"
import { type AdminClient, RouteMissing, TokenNeeded } from "./AdminClient.ts"

/** State that the asked node shares with others, as the page shows it. */
export interface SharedView {
  /** `true` if a user looks at this part of the page. The page asks for it only then. */
  readonly isOpen: boolean
  /** All components, without rows. */
  readonly report: StateReport | undefined
  /** Component whose rows are shown. */
  readonly selected: Id | undefined
  /** The selected component with its rows. It is empty if the component does not exist any more. */
  readonly rows: ReadonlyArray<ComponentReport> | undefined
  /** Reason for which this is not up to date. */
  readonly problem: string | undefined
}

const closed: SharedView = {
  isOpen: false,
  report: undefined,
  selected: undefined,
  rows: undefined,
  problem: undefined,
}

type Client = Pick<AdminClient, "state" | "component">

/** Asks for the shared state of the node while a user looks at it. */
export class SharedState {
  private current = closed
  private readonly client: Client
  private readonly clockTime: () => string

  constructor(client: Client, clockTime: () => string) {
    this.client = client
    this.clockTime = clockTime
  }

  get view(): SharedView {
    return this.current
  }

  /** Shows or hides the components. */
  toggle(): void {
    this.current = this.current.isOpen ? closed : { ...closed, isOpen: true }
  }

  /** Shows the rows of a component, or hides them if they are shown. */
  select(id: Id): void {
    const { selected } = this.current
    const isShown = selected !== undefined && isSame(selected, id)
    this.current = { ...this.current, selected: isShown ? undefined : id, rows: undefined }
  }

  /** Asks once, unless this part of the page is closed. Fails only with {@link TokenNeeded}. */
  async ask(signal: AbortSignal): Promise<void> {
    const { isOpen, selected } = this.current
    if (!isOpen) return
    try {
      const [report, rows] = await Promise.all([
        this.client.state(),
        selected === undefined ? undefined : this.client.component(selected),
      ])
      if (signal.aborted || !this.isAbout(selected)) return
      this.current = { isOpen, selected, report, rows: rows?.components, problem: undefined }
    } catch (error) {
      if (error instanceof TokenNeeded) throw error
      if (signal.aborted || !this.isAbout(selected)) return
      const problem =
        error instanceof RouteMissing ? missing : `No shared state since ${this.clockTime()}; trying again.`
      this.current = { ...this.current, problem: this.current.problem ?? problem }
    }
  }

  /** Returns whether an answer is still wanted. A user may have closed this part, or have selected another component. */
  private isAbout(selected: Id | undefined): boolean {
    return this.current.isOpen && this.current.selected === selected
  }
}

const missing = "This service does not report the shared state of its node: it has an earlier version than this page."
