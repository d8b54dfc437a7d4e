/**
 * Times of a link (docs/protocol.md, section "Links"). Sends Pings. Ends a link whose peer is silent, does not drain, or
 * sent Leave and keeps the link. A stall of this process does not count against the peer, because the frames of the
 * peer wait in the socket meanwhile. The {@link LinkTimer} of the node visits each link when something is due.
 *
 * A link is *idle* if its sides do not watch each other and nothing but heartbeats and gossip has passed for a while. It
 * has a Ping in each idle interval instead of each interval (docs/decisions/0041).
 */
import * as Effect from "effect/Effect"
import type { Ping, Pong } from "../protocol/Frame.ts"
import type { LinkEnd } from "./LinkEnd.ts"
import type { LinkTimer, TimedLink } from "./LinkTimer.ts"
import { RoundTripTime } from "./RoundTripTime.ts"
import { Silence } from "./Silence.ts"

/** Times of a link, in milliseconds. */
export interface Timing {
  /** Interval of the Pings. */
  readonly heartbeat: number
  /** Time without messages after which a link is idle, and interval of the Pings on an idle link. */
  readonly idleHeartbeat: number
  /** Silence after which a link ends. */
  readonly linkTimeout: number
}

/** Greatest lag that a Ping can carry, in milliseconds. */
const maxLag = 0xffff

/**
 * Number of writes of one side within the link timeout of the peer. One of them may be as late as the peer's own
 * heartbeats may be.
 */
const writesPerTimeout = 3

/**
 * Number of intervals for which the side that does not drive the link may write nothing, or hear nothing. A little more
 * than one, so that the next Ping and its answer usually come first and an idle link carries no further frames.
 */
const quietIntervals = 1.25

/**
 * Silence after which a node that stops ends a link, as a part of the link timeout. A peer writes something in little
 * more than each third ({@link writesPerTimeout}, {@link quietIntervals}), also while its answers wait behind a large
 * message on a slow line.
 */
const partingShare = 1 / 2

/**
 * Maximum time between two visits of the link, in milliseconds, if the interval is not shorter. A write that starts to
 * wait, a Leave that arrives, and the use of an idle link set new deadlines, which the timer does not know.
 */
const maxPause = 1_000

/** Number of parts of the idle interval over which the first Pings of idle links are spread. */
const idlePhases = 15

/** Maximum time for which a peer may keep the link after its Leave, in milliseconds. */
const maxStay = 10_000

/** Link as its times see it. */
export interface Host {
  /** Tolerated silence, in milliseconds: the link timeout, and more while this node distrusts its own timing. */
  readonly effectiveLinkTimeout: () => number
  /** Current view hash of this node. */
  readonly viewHash: () => bigint
  readonly send: (frame: Ping | Pong) => void
  /** Returns `true` if this node watches the peer, or the peer watches this node. */
  readonly isWatched: () => boolean
  /** Returns `true` if a sender waits for the peer. */
  readonly isAwaited: () => boolean
  /** Returns the number of bytes that have arrived in other frames than heartbeats and gossip. */
  readonly bytesUsed: () => number
  /** Returns the time of the last write of this side: the current time while a write is in progress. */
  readonly lastWritten: () => number
  /** Excludes a stall of this process from the time that a write has waited. */
  readonly excuseWrite: (late: number, at: number) => void
  /** Returns `true` if the peer does not drain the written bytes. */
  readonly isSlow: (at: number) => boolean
  /** Returns the time at which the peer sent Leave, or `undefined`. */
  readonly leavingSince: () => number | undefined
  /** Reports each measured round-trip time, in milliseconds. */
  readonly onRoundTrip: (millis: number) => void
}

export interface Options {
  /** Timer of the node. */
  readonly timer: LinkTimer
  readonly timing: Timing
  /** Silence after which the peer ends the link, in milliseconds. */
  readonly peerLinkTimeout: number
  /** `true` if this side sends the Pings. */
  readonly drives: boolean
  /** Time for which this side reads after it has written its last bytes, in milliseconds. */
  readonly readTimeout: number
  readonly host: Host
}

/** Times of one link. */
export class KeepAlive implements TimedLink {
  /** Round-trip time, measured by the Pings. */
  readonly roundTrip: RoundTripTime
  private readonly host: Host
  private readonly timer: LinkTimer
  private readonly drives: boolean
  private readonly readTimeout: number
  /** Time within which this side must write something, in milliseconds. */
  private readonly interval: number
  /** Interval of the Pings on an idle link, in milliseconds. */
  private readonly idleInterval: number
  /** Part of the idle interval after which the first Ping of an idle link is due. */
  private readonly idlePhase: number
  private readonly silence: Silence
  /** Time at which the link was last used. */
  private usedAt: number
  /** Value of `bytesUsed` at the last visit. */
  private seenBytes: number
  private seq = 0
  /** Time of the last Ping, or of the start of the link. */
  private pingedAt: number
  /**
   * Time of the next Ping of the side that drives the link. Further Pings move it by whole intervals only, so that the
   * links of a node keep their places in the ticks of the timer.
   */
  private nextPing: number
  /** Time at which this side stops reading, because it has written its last bytes. */
  private readUntil = Number.POSITIVE_INFINITY
  /** End of a link that ended before {@link run}. */
  private ended: Effect.Effect<LinkEnd> | undefined
  /** Ends {@link run}; `undefined` while it does not run. */
  private resume: ((end: Effect.Effect<LinkEnd>) => void) | undefined

  constructor(options: Options) {
    const { drives, host, peerLinkTimeout, readTimeout, timer, timing } = options
    this.host = host
    this.timer = timer
    this.drives = drives
    this.readTimeout = readTimeout
    const at = timer.now()
    const place = timer.takePlace()
    this.interval = Math.min(timing.heartbeat, peerLinkTimeout / writesPerTimeout)
    this.idleInterval = Math.max(timing.idleHeartbeat, this.interval)
    this.idlePhase = (place % idlePhases) / idlePhases
    this.silence = new Silence(at, this.interval, timing.linkTimeout * partingShare, host)
    this.usedAt = at
    this.seenBytes = host.bytesUsed()
    this.pingedAt = at
    this.nextPing = drives ? timer.firstPing(place, at, this.interval) : Number.POSITIVE_INFINITY
    this.roundTrip = new RoundTripTime({ now: timer.now, timeout: timing.linkTimeout, host: this })
  }

  /**
   * Records that bytes arrived. Every byte is a sign of life, because a large frame on a slow line takes longer than
   * the timeout.
   */
  heard(at: number): void {
    this.silence.heard(at)
  }

  /**
   * Records that this side is about to write a frame for which it needs the peer. An idle link gets a Ping at once, so
   * that a cut link is noticed as soon as on any other link, and so that the peer answers before it has read a large
   * message.
   */
  used(at: number): void {
    this.usedAt = at
    if (this.silence.isIdle) this.wake(at, true)
  }

  /**
   * Records that this node stops. A peer that is silent is waited for a shorter time from now on. Sends a Ping, because
   * the peer may owe no sign of life.
   */
  part(): void {
    if (this.silence.isParting) return
    const at = this.timer.now()
    this.silence.part(at)
    this.used(at)
    if (this.pingedAt < at) this.ping()
    if (this.resume !== undefined) this.timer.add(this, this.due(at))
  }

  /** `true` once this node stops. */
  get isParting(): boolean {
    return this.silence.isParting
  }

  /** Time between two Pings of the link at present, in milliseconds. */
  get currentInterval(): number {
    return this.silence.isIdle ? this.idleInterval : this.interval
  }

  /** Returns the delay of the timer of this node, in milliseconds, in the form of a Ping. */
  lag(): number {
    return Math.min(maxLag, Math.max(0, Math.round(this.timer.lag)))
  }

  /** Sends a Ping. */
  ping(): void {
    const seq = this.seq++ >>> 0
    this.pingedAt = this.timer.now()
    if (this.nextPing <= this.pingedAt) this.nextPing = this.placeAfter(this.pingedAt)
    this.silence.pinged(this.pingedAt)
    this.roundTrip.sent(seq)
    this.host.send({ _tag: "Ping", seq, viewHash: this.host.viewHash(), lag: this.lag() })
  }

  /** Answers a Ping of the peer. */
  answer({ seq }: Ping): void {
    this.host.send({ _tag: "Pong", seq, viewHash: this.host.viewHash(), lag: this.lag() })
  }

  /** Reports a measured round-trip time, in milliseconds. */
  onSample(millis: number): void {
    this.host.onRoundTrip(millis)
  }

  /** Time since which this node misses a sign of life: the current time while it misses none. */
  get missingSince(): number {
    return Math.min(this.silence.begin(), this.timer.now())
  }

  /** Returns the duration of the peer's silence, in milliseconds, without the stalls of this process. */
  silentFor(at: number): number {
    return this.silence.duration(at)
  }

  /** Runs until the link must end, and returns the reason. */
  run(): Effect.Effect<LinkEnd> {
    return Effect.callback<LinkEnd>((resume) => {
      if (this.ended !== undefined) return resume(this.ended)
      this.resume = resume
      this.timer.add(this, this.due(this.timer.now()))
      return Effect.sync(() => this.stop())
    })
  }

  /** Ends {@link run}, or lets it end at once when it begins. */
  end(end: Effect.Effect<LinkEnd>): void {
    this.ended ??= end
    this.stop()?.(this.ended)
  }

  /**
   * Records that this side has written its last bytes. It continues to read, because the peer may have sent frames before
   * the Bye arrived there.
   */
  noteWritten(): void {
    this.readUntil = this.timer.now() + this.readTimeout
    if (this.resume !== undefined) this.timer.add(this, this.due(this.timer.now()))
  }

  /** Sends the Ping that is due, and checks the link. Returns the time of the next visit, if the link has not ended. */
  visit(at: number): number | undefined {
    if (this.resume === undefined) return undefined
    this.updateUse(at)
    const end = this.check(at)
    if (end !== undefined) {
      if (end._tag === "Silent") this.timer.noteSilence(at)
      // The fiber of the timer must not run the fiber of the link.
      this.end(Effect.as(Effect.yieldNow, end))
      return undefined
    }
    if (at >= this.pingDue()) this.ping()
    return this.due(at)
  }

  /** Ends {@link run} with a defect. */
  fail(defect: unknown): void {
    this.end(Effect.die(defect))
  }

  /** Excludes a stall of this process from the silence of the peer, from the current write, and from round trips. */
  excuseStall(late: number, at: number): void {
    this.silence.excuse(late, at)
    this.host.excuseWrite(late, at)
    this.roundTrip.stalled()
  }

  private stop(): KeepAlive["resume"] {
    const { resume } = this
    this.resume = undefined
    this.timer.remove(this)
    return resume
  }

  /** Ends or begins the idleness of the link. */
  private updateUse(at: number): void {
    const { host } = this
    const bytes = host.bytesUsed()
    if (bytes > this.seenBytes) this.usedAt = at
    this.seenBytes = bytes
    const isIdle = at - this.usedAt >= this.idleInterval && !host.isWatched() && !host.isAwaited()
    if (isIdle === this.silence.isIdle) return
    if (!isIdle) return this.wake(at, false)
    this.silence.idle(this.pingedAt)
    // The links of a node that became idle together do not send their Pings together.
    this.nextPing += this.wholeIntervals(this.idlePhase * this.idleInterval)
  }

  /**
   * Ends the idleness of the link. Sends a Ping unless one has no answer yet: for a use by this side, and if one side
   * may miss a sign of life of the other one, because an interval has passed since the last bytes in one direction.
   */
  private wake(at: number, isUse: boolean): void {
    const isOwed = this.silence.begin() <= at
    this.silence.use(at)
    this.nextPing = this.placeAfter(at)
    if (!isOwed && (isUse || at - this.quietSince >= this.interval)) this.ping()
  }

  /** Returns the next Ping of the schedule after this time. Skips the Pings that a stall of this process has missed. */
  private placeAfter(at: number): number {
    const next = this.nextPing + (Math.floor((at - this.nextPing) / this.interval) + 1) * this.interval
    return this.silence.isIdle ? next + this.wholeIntervals(this.idleInterval - this.interval) : next
  }

  private wholeIntervals(time: number): number {
    return Math.round(time / this.interval) * this.interval
  }

  /** Returns the time of the next visit. */
  private due(at: number): number {
    return Math.min(this.pingDue(), this.silence.end(), this.readUntil, at + Math.min(maxPause, this.interval))
  }

  /** Returns the time of the next Ping. */
  private pingDue(): number {
    return this.silence.isIdle ? Math.min(this.regularPing(), this.doubtPing()) : this.regularPing()
  }

  /**
   * Returns the time of the Ping of an idle link after another link of this node has ended for silence. This node may be
   * cut off from many peers, and must notice that before the others go on without it.
   */
  private doubtPing(): number {
    const seen = Math.max(this.pingedAt, this.silence.lastHeard)
    return this.timer.lastSilence > seen ? seen + this.interval : Number.POSITIVE_INFINITY
  }

  /** Time since which nothing has passed in one of the two directions. */
  private get quietSince(): number {
    return Math.min(this.host.lastWritten(), this.silence.lastHeard)
  }

  /**
   * Returns the time of the next Ping by the schedule. The side that drives the link sends one per interval. The other
   * side sends a Ping if it has written nothing for a little longer, because the peer's Ping may wait behind a large
   * message. It also sends one if it has heard nothing for as long, because the peer answers no gossip.
   */
  private regularPing(): number {
    if (this.drives) return this.nextPing
    return Math.max(this.quietSince, this.pingedAt) + quietIntervals * this.currentInterval
  }

  private check(at: number): LinkEnd | undefined {
    const { host } = this
    if (host.isSlow(at)) return { _tag: "Slow", message: "the peer does not read fast enough" }
    const left = host.leavingSince()
    if (left !== undefined && at - left >= maxStay) return { _tag: "Overstayed" }
    if (at >= this.silence.end()) return { _tag: "Silent" }
    return at >= this.readUntil ? { _tag: "Closed" } : undefined
  }
}
