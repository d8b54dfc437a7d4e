import type { Message, SessionEnded } from "@coterie/core/Message"
import type { PeerId } from "@coterie/core/Peer"
import { type LaneName, type Life, type SentMessage, type Sequence, describeSequence } from "./SentMessage.ts"

export interface Options {
  readonly life: Life
  readonly lane: LaneName
  readonly findSequence: (id: number) => Sequence | undefined
  /** Records that this life received the message. */
  readonly onReceived: (message: SentMessage) => void
  /** Returns the greatest number of the sequence that this life has received on any reader, and stores a new one. */
  readonly exchangeLast: (sequence: Sequence, number: number) => number
  readonly complain: (wrong: string) => void
}

/** One reader of one lane. It checks the order of sessions and that no accepted message of a session is missing. */
export class DeliveryReader {
  /**
   * True while the reader has recorded everything that it pulled, and pulls no more. A message that is acknowledged meanwhile
   * must be among those that it recorded.
   */
  isPaused = false
  private readonly options: Options
  private readonly who: string
  private readonly lastOf = new Map<Sequence, { readonly number: number; readonly session: number }>()
  /** The session with each life of each peer, and whether its end was reported. */
  private readonly sessions = new Map<string, { readonly session: number; readonly isOver: boolean }>()

  constructor(options: Options) {
    this.options = options
    this.who = `${options.life.name} on ${options.lane ?? "the inbox"}`
  }

  /** Records all items of one pull. */
  receive(items: ReadonlyArray<Message | SessionEnded>): void {
    for (const item of items) {
      if (item._tag === "Message") this.receiveMessage(item)
      else this.checkSession(item.from, item.session, true)
    }
  }

  private receiveMessage({ from, session, text }: Message): void {
    this.checkSession(from, session, false)
    const { lane, life } = this.options
    const [id = "", digits = ""] = text.split(" ", 2)
    const number = Number(digits)
    const sequence = this.options.findSequence(Number(id))
    const message = sequence?.messages[number]
    if (sequence === undefined || message === undefined) return this.complain(`nobody sent ${text}`)
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

  private checkSession({ generation, name }: PeerId, session: number, isOver: boolean): void {
    const key = `${name}#${generation}`
    const before = this.sessions.get(key)
    if (before !== undefined) {
      const isNew = session > before.session
      if (session < before.session || (before.isOver && !isNew)) {
        this.complain(`session ${session} with ${key} goes on after its end`)
      }
      // The inbox does not report the end of a session.
      if (isNew && !before.isOver && this.options.lane !== undefined) {
        this.complain(`session ${session} with ${key} begins, and the end of ${before.session} was not reported`)
      }
    }
    this.sessions.set(key, { session, isOver })
  }

  private complain(wrong: string): void {
    this.options.complain(`${this.who}: ${wrong}`)
  }
}
