/**
 * Messages that nodes of a simulation sent and received, recorded outside of the nodes. The log checks that each reader
 * received a prefix of the accepted messages, without gaps or duplicates (docs/protocol.md, section "What a receiver
 * may rely on").
 *
 * Messages are numbered within a sequence: the messages of one life on one lane. A sender sends the next message once
 * the result of the previous one is known, or sends several at once. A reader that receives a number can therefore
 * check the fate of all lower numbers.
 */
import { DeliveryReader } from "./DeliveryReader.ts"
import { SendAttempt } from "./SendAttempt.ts"
import {
  type Fate,
  type LaneName,
  type Life,
  type SentMessage,
  type Sequence,
  describeSequence,
} from "./SentMessage.ts"

export interface SendOptions {
  /** Name of the receiver; without it the message is a broadcast. */
  readonly to?: string
  /** Minimum length of the text. */
  readonly padding?: number
}

/** Starts the next send of a sequence. */
export type Send = (options?: SendOptions) => SendAttempt

export class DeliveryLog {
  /** Number of sends per outcome. */
  readonly outcomes = new Map<string, number>()
  private readonly complain: (wrong: string) => void
  private readonly sequences: Array<Sequence> = []
  private readonly newest = new Map<string, Life>()
  private readonly readers = new WeakMap<Life, Map<LaneName, DeliveryReader>>()
  private readonly pendingOf = new WeakMap<Life, number>()
  private readonly receivedOf = new WeakMap<Life, number>()
  private readonly lastsOf = new WeakMap<Life, Map<Sequence, number>>()
  private readonly taken = new Set<SentMessage>()

  constructor(complain: (wrong: string) => void) {
    this.complain = complain
  }

  begin(life: Life): void {
    this.newest.set(life.name, life)
    this.readers.set(life, new Map())
    this.lastsOf.set(life, new Map())
  }

  /** Starts a sequence of a life on a lane. */
  sequence(life: Life, lane?: string): Send {
    const sequence: Sequence = { id: this.sequences.length, life, lane, messages: [] }
    this.sequences.push(sequence)
    return (options) => this.send(sequence, options)
  }

  reader(life: Life, lane?: string): DeliveryReader {
    const reader = new DeliveryReader({
      life,
      lane,
      findSequence: (id) => this.sequences[id],
      onReceived: (message) => {
        this.receivedOf.set(life, this.received(life) + 1)
        message.receivedBy.add(life)
        this.checkFate(message, life.name)
      },
      exchangeLast: (sequence, number) => {
        const lasts = this.lastsOf.get(life)
        const before = lasts?.get(sequence) ?? -1
        lasts?.set(sequence, number)
        return before
      },
      complain: this.complain,
    })
    this.readers.get(life)?.set(lane, reader)
    return reader
  }

  /** Returns the number of sends of a life without a result. */
  pending(life: Life): number {
    return this.pendingOf.get(life) ?? 0
  }

  /** Returns the number of messages that a life received. */
  received(life: Life): number {
    return this.receivedOf.get(life) ?? 0
  }

  /** Checks that every acknowledged message was received, once no message is in flight. */
  settle(): void {
    for (const message of this.taken) {
      if (this.isMissing(message)) {
        this.complain(
          `${message.number} in ${describeSequence(message.sequence)} was taken, but ${message.to} never received it`,
        )
      }
    }
  }

  private send(sequence: Sequence, { padding = 0, to }: SendOptions = {}): SendAttempt {
    const number = sequence.messages.length
    const life = to === undefined ? undefined : this.newest.get(to)
    const message: SentMessage = { sequence, number, to, life, fate: undefined, receivedBy: new Set() }
    sequence.messages.push(message)
    this.pendingOf.set(sequence.life, this.pending(sequence.life) + 1)
    const text = `${sequence.id} ${number} `.padEnd(padding, ".")
    return new SendAttempt({ message, text, decide: this.decide })
  }

  private readonly decide = (message: SentMessage, outcome: string, fate: (receiver: string) => Fate): void => {
    const { number, receivedBy, sequence } = message
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    if (message.fate !== undefined) this.complain(`${number} in ${describeSequence(sequence)} has two outcomes`)
    message.fate = fate
    this.pendingOf.set(sequence.life, this.pending(sequence.life) - 1)
    for (const { name } of receivedBy) this.checkFate(message, name)
    if (outcome !== "taken") return
    this.taken.add(message)
    const reader = message.life === undefined ? undefined : this.readers.get(message.life)?.get(sequence.lane)
    if (this.isMissing(message) && reader?.isPaused !== false) {
      this.complain(
        `${number} in ${describeSequence(sequence)} is reported as taken, but ${message.to} has not taken it`,
      )
    }
  }

  private checkFate({ fate, number, sequence }: SentMessage, receiver: string): void {
    const found = fate?.(receiver)
    if (found !== "refused" && found !== "passed over") return
    this.complain(`${receiver} received ${number} in ${describeSequence(sequence)}, which was ${found}`)
  }

  /** Returns whether no life of the receiver has received the message, although the intended life still runs. */
  private isMissing({ life, receivedBy, to }: SentMessage): boolean {
    if (life === undefined || this.newest.get(life.name) !== life) return false
    for (const { name } of receivedBy) if (name === to) return false
    return true
  }
}
