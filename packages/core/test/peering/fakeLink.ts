import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Limits from "../../src/Limits.ts"
import type { SendLane } from "../../src/flow/SendLane.ts"
import { FrameReader } from "../../src/link/FrameReader.ts"
import type { Rank } from "../../src/link/Link.ts"
import { Link } from "../../src/link/Link.ts"
import { LinkTimer } from "../../src/link/LinkTimer.ts"
import { WriteBuffers } from "../../src/link/WriteBuffers.ts"
import type { Session } from "../../src/link/Session.ts"
import { defaults } from "../../src/cluster/Overrides.ts"
import { inboxName, minWindow } from "../../src/protocol/constants.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { emptyBody } from "../../src/membership/State.ts"
import type { Connection, Identity } from "../../src/Transport.ts"
import * as Traffic from "../../src/wire/Traffic.ts"

export const record = (generation: number, name = "peer"): PeerRecord => ({
  name,
  generation,
  incarnation: 0,
  status: "alive",
  body: emptyBody,
})

interface Options {
  readonly peer: PeerRecord
  readonly session: () => Session
  readonly rank?: Rank
  readonly close?: Link["close"]
  readonly isOpen?: Link["isOpen"]
  /** Lane to the peer's inbox. Defaults to the lane of the link. */
  readonly inbox?: SendLane
  readonly lane?: Link["lane"]
  readonly identity?: Identity | undefined
}

/** Connection on which nothing ever arrives. */
const connection: Connection = {
  remoteHost: "nowhere",
  pull: Effect.never,
  write: () => Effect.void,
  end: Effect.void,
  reset: Effect.void,
}

class FakeLink extends Link {
  override readonly inbox: SendLane
  private readonly fake: Options

  constructor(fake: Options) {
    super({
      connection: { ...connection, identity: fake.identity },
      reader: new FrameReader(connection, Traffic.make()),
      peer: fake.peer,
      dialed: false,
      observedHost: undefined,
      rank: fake.rank ?? { instance: 0, instances: [0, 0], epoch: 0, byLower: false },
      drives: false,
      peerWindow: minWindow,
      peerLinkTimeout: 3_000,
      viewHash: 0n,
      sent: Traffic.make(),
      buffers: new WriteBuffers(0),
      limits: Limits.defaults,
      lanes: defaults,
      session: fake.session,
      timing: { heartbeat: 1_000, idleHeartbeat: 15_000, linkTimeout: 3_000 },
      timer: new LinkTimer({ heartbeat: 1_000, now: () => 0 }, () => undefined),
      hooks: {
        effectiveLinkTimeout: () => 3_000,
        onHeard: () => Effect.void,
        onMembership: () => Effect.void,
        onAnswerWritten: () => Effect.void,
        onViewHash: () => Effect.void,
        onLaneOpened: () => undefined,
        onLaneClosed: () => undefined,
        sinkOf: () => () => undefined,
        isWatched: () => true,
        viewHash: () => 0n,
        onRoundTrip: () => undefined,
      },
    })
    this.fake = fake
    this.inbox = fake.inbox ?? super.lane(inboxName) ?? assert.fail("the inbox is always open")
  }

  override lane(name: string): SendLane | undefined {
    return this.fake.lane?.(name)
  }

  override lanesKnown(): undefined {
    return undefined
  }

  override close(...args: Parameters<Link["close"]>): void {
    this.fake.close?.(...args)
  }

  override isOpen(): boolean {
    return this.fake.isOpen?.() ?? true
  }
}

/** Creates a link without activity. */
export const fakeLink = (options: Options): Link => new FakeLink(options)
