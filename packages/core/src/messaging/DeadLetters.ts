/**
 * Messages that their readers could not use, for whoever watches them.
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { DeadLetter } from "../Lane.ts"

/** Number of dead letters that a slow watcher can be behind before it misses the oldest. */
const maxBuffered = 1_024

export class DeadLetters {
  /** Ends all streams. */
  readonly end: Effect.Effect<void>
  private readonly letters: PubSub.PubSub<DeadLetter>
  private readonly onLetter: (lane: string) => void

  /** `onLetter` is called for each dead letter. */
  constructor(letters: PubSub.PubSub<DeadLetter>, onLetter: (lane: string) => void) {
    this.letters = letters
    this.onLetter = onLetter
    this.end = PubSub.shutdown(letters)
  }

  /** Publishes a message that its reader could not use. */
  publish(letter: DeadLetter): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.onLetter(letter.lane)
      return Effect.asVoid(PubSub.publish(this.letters, letter))
    })
  }

  /** Returns the dead letters of one lane, from when the stream is run. A slow watcher misses the oldest. */
  of(lane: string): Stream.Stream<DeadLetter> {
    return Stream.filter(Stream.fromPubSub(this.letters), (letter) => letter.lane === lane)
  }
}

export const make = (onLetter: (lane: string) => void): Effect.Effect<DeadLetters> =>
  Effect.map(PubSub.sliding<DeadLetter>(maxBuffered), (letters) => new DeadLetters(letters, onLetter))
