import type { ClusterReport, NodeReport } from "../../src/Report.ts"
import type { Id } from "../model/components.ts"
import type { EventLine } from "../model/eventLine.ts"
import { EventLog } from "../model/EventLog.ts"
import { History } from "../model/History.ts"
import { Matrix } from "../model/Matrix.ts"
import { AdminClient, TokenNeeded } from "./AdminClient.ts"
import { EventReader } from "./EventReader.ts"
import { pause } from "./pause.ts"
import { SharedState, type SharedView } from "./SharedState.ts"

/** Time between two questions to the cluster while the page is visible, in milliseconds. */
const pollInterval = 2_000

/** Number of questions to the cluster for each question for the shared state, which changes more often than people can read. */
const pollsPerState = 2

/** Shortest time between two renderings, in milliseconds. A burst of a thousand events must not freeze the page. */
const renderInterval = 250

/** Everything that the page shows. */
export interface State {
  readonly report: ClusterReport | undefined
  readonly matrix: Matrix | undefined
  readonly self: NodeReport | undefined
  readonly events: ReadonlyArray<EventLine>
  readonly history: History
  readonly shared: SharedView
  /** Number of reports so far. */
  readonly reports: number
  /** Time at which the event stream was lost, and the time and reason since when there are no reports. */
  readonly streamLost: string | undefined
  readonly reportsLost: string | undefined
  /** Reason why a token is needed. */
  readonly tokenNeeded: string | undefined
  readonly hasToken: boolean
}

const clockTime = (): string => new Date().toLocaleTimeString("en-GB")

/** Gets the reports and the events while the page is visible, and tells the page at most four times a second. */
export class DashboardStore {
  private readonly client = new AdminClient()
  private readonly log = new EventLog()
  private readonly history = new History()
  private readonly shared = new SharedState(this.client, clockTime)
  private readonly events: EventReader
  private report: ClusterReport | undefined
  private matrix: Matrix | undefined
  private self: NodeReport | undefined
  private reports = 0
  private streamLost: string | undefined
  private reportsLost: string | undefined
  private tokenNeeded: string | undefined
  private running: AbortController | undefined
  private renderTimer: ReturnType<typeof setTimeout> | undefined
  private readonly onChange: (state: State) => void

  constructor(onChange: (state: State) => void) {
    this.onChange = onChange
    this.events = new EventReader(this.client, {
      onEvent: (tag, data) => {
        this.log.add(tag, data)
        this.changed()
      },
      onOpen: () => {
        this.streamLost = undefined
        this.changed()
      },
      onLost: () => {
        this.streamLost ??= clockTime()
        this.changed()
      },
      onTokenNeeded: (message) => this.needToken(message),
    })
  }

  /** Starts the requests. Runs once. */
  start(): void {
    document.addEventListener("visibilitychange", () => this.followVisibility())
    this.followVisibility()
  }

  /** Continues with a token. */
  useToken(token: string, keep: boolean): void {
    this.client.setToken(token, keep)
    this.tokenNeeded = undefined
    this.stopRequests()
    this.followVisibility()
    this.changed()
  }

  forgetToken(): void {
    this.client.forgetToken()
    this.needToken("the token was forgotten")
  }

  /** Shows or hides the shared state. */
  toggleShared(): void {
    this.shared.toggle()
    this.sharedChanged()
  }

  /** Shows or hides the rows of a component. */
  selectComponent(id: Id): void {
    this.shared.select(id)
    this.sharedChanged()
  }

  /** Shows what a user has chosen, and asks for it at once. */
  private sharedChanged(): void {
    if (this.running !== undefined) void this.askShared(this.running.signal)
    this.changed()
  }

  private needToken(message: string): void {
    this.tokenNeeded = message
    this.stopRequests()
    this.changed()
  }

  private followVisibility(): void {
    if (document.visibilityState === "hidden") {
      this.stopRequests()
    } else if (this.running === undefined && this.tokenNeeded === undefined) {
      this.running = new AbortController()
      void this.poll(this.running.signal)
      void this.events.run(this.running.signal)
    }
  }

  private stopRequests(): void {
    this.running?.abort()
    this.running = undefined
  }

  private async poll(signal: AbortSignal): Promise<void> {
    for (let polls = 0; !signal.aborted; polls++) {
      // oxlint-disable-next-line no-await-in-loop -- one question at a time
      await this.ask(signal)
      // oxlint-disable-next-line no-await-in-loop -- one question at a time
      if (polls % pollsPerState === 0) await this.askShared(signal)
      // oxlint-disable-next-line no-await-in-loop -- waits between two questions
      await pause(pollInterval, signal)
    }
  }

  private async ask(signal: AbortSignal): Promise<void> {
    try {
      const [report, self] = await Promise.all([this.client.cluster(), this.client.self()])
      if (signal.aborted) return
      this.report = report
      this.matrix = new Matrix(report)
      this.self = self
      this.reports++
      this.history.add(Date.now(), report, self)
      this.reportsLost = undefined
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof TokenNeeded) {
        this.needToken(error.message)
        return
      }
      this.reportsLost ??= clockTime()
    }
    this.changed()
  }

  private async askShared(signal: AbortSignal): Promise<void> {
    try {
      await this.shared.ask(signal)
    } catch (error) {
      if (!signal.aborted && error instanceof TokenNeeded) this.needToken(error.message)
    }
    this.changed()
  }

  private changed(): void {
    this.renderTimer ??= setTimeout(() => {
      this.renderTimer = undefined
      this.onChange(this.state)
    }, renderInterval)
  }

  get state(): State {
    return {
      report: this.report,
      matrix: this.matrix,
      self: this.self,
      events: this.log.lines,
      history: this.history,
      shared: this.shared.view,
      reports: this.reports,
      streamLost: this.streamLost,
      reportsLost: this.reportsLost,
      tokenNeeded: this.tokenNeeded,
      hasToken: this.client.hasToken,
    }
  }
}
