/**
 * Round-trip times of one link, from its Pings and their Pongs: the smoothed time (RFC 6298, section 2: SRTT with
 * alpha = 1/8), and the newest samples. Measures every Ping of the link, whatever its purpose, but one at a time.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import { RoundTripSamples, type Summary } from "./RoundTripSamples.ts"

/** Weight of a new sample in the smoothed time (RFC 6298). */
const alpha = 1 / 8

/**
 * Age in milliseconds from which {@link RoundTripTime.measure} takes a new sample. The side that drives the link gets a
 * sample with each heartbeat. On the other side the age limits the cost of an application that asks all the time to one
 * Ping per this time.
 */
export const maxSampleAge = 10_000

export interface Options {
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number
  /** Time to wait for a Pong, in milliseconds. An older Ping is given up. */
  readonly timeout: number
  readonly host: Host
}

/** Link as its round-trip time sees it. */
export interface Host {
  /** Sends a Ping now, which calls {@link RoundTripTime.sent}. */
  readonly ping: () => void
  /** Reports each sample, in milliseconds. */
  readonly onSample: (millis: number) => void
}

/** Summary of the newest samples, and the age of the last sample, in milliseconds. */
export interface AgedSummary extends Summary {
  readonly age: number
}

interface Measurement {
  readonly seq: number
  readonly sentAt: number
}

export class RoundTripTime {
  private readonly options: Options
  private readonly samples = new RoundTripSamples()
  private smoothed: number | undefined
  private sampledAt = Number.NEGATIVE_INFINITY
  private pending: Measurement | undefined
  private sampled: Deferred.Deferred<void> | undefined
  private hasEnded = false

  constructor(options: Options) {
    this.options = options
  }

  /** Smoothed time in milliseconds; `undefined` before the first sample. */
  get value(): number | undefined {
    return this.smoothed
  }

  /** Records that a Ping was sent. */
  sent(seq: number): void {
    const sentAt = this.options.now()
    const { pending } = this
    if (pending !== undefined && sentAt - pending.sentAt < this.options.timeout) return
    this.pending = { seq, sentAt }
  }

  /** Records a Pong that arrived at this time. Ignores the Pong of any Ping except the measured one. */
  received(seq: number, at: number): void {
    const { pending, smoothed } = this
    if (pending?.seq !== seq) return
    const sample = at - pending.sentAt
    this.smoothed = smoothed === undefined ? sample : smoothed + alpha * (sample - smoothed)
    this.samples.add(sample)
    this.sampledAt = at
    this.pending = undefined
    this.options.host.onSample(sample)
    this.wake()
  }

  /**
   * Records that this process stalled. Gives up the measured Ping, because its sample would be the time of the stall.
   * Sends another Ping if a caller waits for the sample.
   */
  stalled(): void {
    this.pending = undefined
    if (this.sampled !== undefined) this.options.host.ping()
  }

  /** Returns the summary of the newest samples, or `undefined` without samples. */
  summary(): AgedSummary | undefined {
    const summary = this.samples.summary()
    return summary === undefined ? undefined : { ...summary, age: this.options.now() - this.sampledAt }
  }

  /**
   * Returns the smoothed time in milliseconds. If the last sample is older than {@link maxSampleAge}, sends a Ping and
   * waits for the Pong, for at most the timeout. Returns `undefined` without any sample.
   */
  measure(): Effect.Effect<number | undefined> {
    return Effect.suspend(() => {
      const { host, now, timeout } = this.options
      if (this.hasEnded || now() - this.sampledAt < maxSampleAge) return Effect.succeed(this.smoothed)
      if (this.pending === undefined || now() - this.pending.sentAt >= timeout) host.ping()
      this.sampled ??= Deferred.makeUnsafe()
      const answered = Effect.timeoutOption(awaitDeferred(this.sampled), timeout)
      return Effect.map(answered, () => this.smoothed)
    })
  }

  /** Ends all waits, because the link has ended. */
  end(): void {
    this.hasEnded = true
    this.wake()
  }

  private wake(): void {
    const { sampled } = this
    this.sampled = undefined
    if (sampled !== undefined) Deferred.doneUnsafe(sampled, Effect.void)
  }
}
