import type { LaneItem } from "@coterie/core/Lane"
import type { Message } from "@coterie/core/Message"
import { type LaneName, type Life, type SentMessage, type Sequence, describeSequence } from "./SentMessage.ts"

export interface Options {
  readonly life: Life
  readonly lane: LaneName
  readonly findSequence: (id: number) => Sequence | undefined
  /** Records that this life received the message. */
  readonly onReceived: (message: SentMessage) => void
  /** Returns the greatest number of the sequence that this life has received on any reader, and stores a new number. */
  readonly exchangeLast: (sequence: Sequence, number: number) => number
  readonly complain: (wrong: string) => void
}

interface SessionState {
  readonly session: number
  readonly isStarted: boolean
  readonly isOver: boolean
}

/** Reader of one lane. It checks the order of sessions, and that no accepted message of a session is missing. */
export class DeliveryReader {
  /**
   * `true` while the reader has recorded everything that it pulled, and pulls nothing more. A message that is
   * acknowledged meanwhile must be among the recorded messages.
   */
  isPaused = false
  private readonly options: Options
  private readonly reader: string
  private readonly lastOf = new Map<Sequence, { readonly number: number; readonly session: number }>()
  /** Session with each life of each peer, and whether its start and its end were reported. */
  private readonly sessions = new Map<string, SessionState>()

  constructor(options: Options) {
    this.options = options
    this.reader = `${options.life.name} on ${options.lane ?? "the inbox"}`
  }

  /** Records all items of one pull. */
  receive(items: ReadonlyArray<LaneItem>): void {
    for (const item of items) {
      this.checkSession(item)
      if (item._tag === "Message") this.receiveMessage(item)
    }
  }

  private receiveMessage({ from, session, text }: Message): void {
    const { lane, life } = this.options
    const [id = "", digits = ""] = text.split(" ", 2)
    const number = Number(digits)
    const sequence = this.options.findSequence(Number(id))
    const message = sequence?.messages[number]
    if (sequence === undefined || message === undefined) return this.complain(`no life sent ${text}`)
    if (sequence.lane !== lane || sequence.life.name !== from.name || sequence.life === life) {
      return this.complain(`${text} from ${from.name} is in ${describeSequence(sequence)}`)
    }
    this.options.onReceived(message)
    const before = this.options.exchangeLast(sequence, number)
    if (number <= before) {
      this.complain(`${number} came after ${before} in ${describeSequence(sequence)}: in order, and none twice`)
    }
    const last = this.lastOf.get(sequence)
    this.lastOf.set(sequence, { number, session })
    if (last?.session === session) this.checkGap(sequence, session, last.number, number)
  }

  /** Checks that no message between two received numbers of one session was accepted. */
  private checkGap(sequence: Sequence, session: number, from: number, to: number): void {
    for (let missing = from + 1; missing < to; missing++) {
      const fate = sequence.messages[missing]?.fate?.(this.options.life.name)
      if (fate === "accepted" || fate === "taken" || fate === "passed over") {
        this.complain(
          `after ${from} came ${to} in ${describeSequence(sequence)} and in session ${session}; ` +
            `${missing} was ${fate}, and is missing`,
        )
      }
    }
  }

  private checkSession({ _tag, from: { generation, name }, session }: LaneItem): void {
    const key = `${name}#${generation}`
    const before = this.sessions.get(key)
    const isNew = before === undefined || session > before.session
    if (before !== undefined && (session < before.session || (before.isOver && !isNew))) {
      this.complain(`session ${session} with ${key} goes on after its end`)
    }
    // The inbox reports neither the start nor the end of a session.
    if (this.options.lane !== undefined) this.checkMarkers(key, session, _tag, isNew)
    const isStarted = _tag === "SessionStarted" || (!isNew && before.isStarted)
    this.sessions.set(key, { session, isStarted, isOver: _tag === "SessionEnded" })
  }

  private checkMarkers(key: string, session: number, tag: LaneItem["_tag"], isNew: boolean): void {
    const before = this.sessions.get(key)
    if (isNew && before?.isOver === false) {
      this.complain(`session ${session} with ${key} begins, and the end of ${before.session} was not reported`)
    }
    const isStarted = !isNew && before?.isStarted === true
    if (tag === "SessionStarted" && isStarted) this.complain(`session ${session} with ${key} begins twice`)
    if (tag !== "SessionStarted" && !isStarted)
      this.complain(`${tag} of session ${session} with ${key} before its begin`)
  }

  private complain(wrong: string): void {
    this.options.complain(`${this.reader}: ${wrong}`)
  }
}
