/**
 * Messages that their readers could not use: counted, published to whoever watches them, and told in the log. The first of
 * each lane and peer in a minute has a line; the log counts the others.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { LogBudget } from "../internal/LogBudget.ts"
import type { DeadLetter } from "../Lane.ts"
import { clip } from "../protocol/ProtocolViolation.ts"

/** Number of dead letters that a slow watcher can be behind before it misses the oldest. */
const maxBuffered = 1_024

/** Maximum length of a reason in the log: enough for the path to a field, and no room for a value of a peer that fills the log. */
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

  /** `context` is the one of the node, whose log has the lines: the reader may have another. */
  constructor(letters: PubSub.PubSub<DeadLetter>, context: Context.Context<never>, options: Options) {
    this.letters = letters
    this.context = context
    this.options = options
    this.end = PubSub.shutdown(letters)
  }

  /** Publishes a message that its reader could not use. */
  publish(letter: DeadLetter): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.options.onLetter(letter.lane)
      const published = PubSub.publish(this.letters, letter)
      return Effect.andThen(published, Effect.provideContext(this.tell(letter), this.context))
    })
  }

  private tell({ lane, message: { from }, reason }: DeadLetter): Effect.Effect<void> {
    // A reason quotes values that the peer sent. One more character than fits, so that a long reason ends in dots.
    const quoted = clip(reason.slice(0, maxReasonLength + 1), maxReasonLength)
    return this.options.log.write({
      level: "Warn",
      kind: "dead letter",
      subject: `${lane}\n${from.name}`,
      linesPerSubject: 1,
      text: `"${from.name}" sent a message on "${lane}" that cannot be used here`,
      annotations: { lane, peer: from.name, generation: from.generation, reason: quoted },
    })
  }

  /** Returns the dead letters of one lane, from when the stream is run. A slow watcher misses the oldest. */
  of(lane: string): Stream.Stream<DeadLetter> {
    return Stream.filter(Stream.fromPubSub(this.letters), (letter) => letter.lane === lane)
  }
}

export const make = Effect.fnUntraced(function* (options: Options) {
  const letters = yield* PubSub.sliding<DeadLetter>(maxBuffered)
  return new DeadLetters(letters, yield* Effect.context<never>(), options)
})
