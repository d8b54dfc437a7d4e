/**
 * Messages that their readers could not use. They are counted, published to subscribers, and logged. The first one of
 * each lane and peer in a minute has a log line. The log counts the others.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { LogBudget } from "../internal/LogBudget.ts"
import type { DeadLetter } from "../Lane.ts"
import { clip } from "../protocol/ProtocolViolation.ts"

/** Number of dead letters that may wait for a slow subscriber before it misses the oldest. */
const maxBuffered = 1_024

/**
 * Maximum length of a reason in the log. It has room for the path to a field, and prevents a value of a peer from
 * filling the log.
 */
const maxReasonLength = 512

export interface Options {
  readonly log: Pick<LogBudget, "write">
  /** Called for each dead letter. */
  readonly onLetter: (lane: string) => void
}

export class DeadLetters {
  /** Ends all streams. */
  readonly end: Effect.Effect<void>
  private readonly letters: PubSub.PubSub<DeadLetter>
  private readonly context: Context.Context<never>
  private readonly options: Options

  /** Takes the context of the node, which has its log. The context of a reader may differ. */
  constructor(letters: PubSub.PubSub<DeadLetter>, context: Context.Context<never>, options: Options) {
    this.letters = letters
    this.context = context
    this.options = options
    this.end = PubSub.shutdown(letters)
  }

  /** Publishes and logs a message that its reader could not use. */
  publish(letter: DeadLetter): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.options.onLetter(letter.lane)
      const published = PubSub.publish(this.letters, letter)
      return Effect.andThen(published, Effect.provideContext(this.log(letter), this.context))
    })
  }

  private log({ lane, message: { from }, reason }: DeadLetter): Effect.Effect<void> {
    // A reason quotes values that the peer sent. One more character than the maximum remains, so that a long reason
    // ends in dots.
    const quoted = clip(reason.slice(0, maxReasonLength + 1), maxReasonLength)
    return this.options.log.write({
      level: "Warn",
      kind: "dead letter",
      subject: `${lane}\n${from.name}`,
      linesPerSubject: 1,
      text: `"${from.name}" sent a message on "${lane}" that this node cannot use`,
      annotations: { lane, peer: from.name, generation: from.generation, reason: quoted },
    })
  }

  /** Returns the dead letters of one lane from the moment the stream runs. A slow subscriber misses the oldest. */
  of(lane: string): Stream.Stream<DeadLetter> {
    return Stream.filter(Stream.fromPubSub(this.letters), (letter) => letter.lane === lane)
  }
}

export const make = Effect.fnUntraced(function* (options: Options) {
  const letters = yield* PubSub.sliding<DeadLetter>(maxBuffered)
  return new DeadLetters(letters, yield* Effect.context<never>(), options)
})
