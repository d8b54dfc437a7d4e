/**
 * Clusters whose transports withdraw proofs all the time. The links are renewed, and the application notices nothing
 * (docs/protocol.md, "Simultaneous connections").
 */
import * as ClusterTrace from "@coterie/core/ClusterTrace"
import type * as Transport from "@coterie/core/Transport"
import { Invariant, Simulation } from "@coterie/testkit"
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type { Overrides } from "../../src/cluster/Overrides.ts"
import { ClusterRecorder } from "./ClusterRecorder.ts"
import * as Member from "./Member.ts"
import { checkGuarantees, everybodyListsEverybody, everythingArrives, isWhole, type Members } from "./scenarios.ts"

const secret: Transport.Identity = { _tag: "Secret", key: "k1" }

/** Time for which the proofs change. A withdrawn connection lives for 30 seconds at most. */
const seconds = 40

/** Fails if a node has a link without a proof. Looks once a second, because a look reads all metrics. */
const checkProofs = (nodes: Members) =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep("1 second")
      for (const node of Object.values(nodes)) {
        assert.strictEqual(node.service(Member.Member)?.plainLinks(), 0, `links of ${node.name} without a proof`)
      }
    }
  })

/**
 * Withdraws the proofs of random nodes at random times. Some nodes also prove nothing for a while, so that the other
 * nodes refuse their connections.
 */
const withdrawAllTheTime = (sim: Simulation.Sim, names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(yield* Random.nextIntBetween(100, 6_000))
      const [node = "", other] = yield* Random.shuffle(names)
      const peer = (yield* Random.nextBoolean) ? other : undefined
      if ((yield* Random.nextIntBetween(0, 3)) > 0) {
        yield* sim.network.withdraw(node, { peer })
        continue
      }
      // No link may end now, because its node could not make another one.
      yield* sim.network.prove(node, undefined)
      yield* sim.network.withdraw(node, { peer, within: Duration.infinity })
      yield* Effect.sleep(yield* Random.nextIntBetween(100, 8_000))
      yield* sim.network.prove(node, secret)
    }
  })

/**
 * Creates a scenario: members that send all the time, on a network that loses nothing, while proofs are withdrawn. No
 * member may emit an event, and every message arrives.
 */
export const renewing = (name: string, overrides: Partial<Overrides> = {}): Simulation.Scenario =>
  Simulation.scenario(
    name,
    {
      describe: ClusterTrace.describe(),
      faults: { network: { delay: { exponential: { min: "1 millis", mean: "30 millis" } }, split: 0.2 } },
      strict: true,
    },
    (sim) =>
      Effect.gen(function* () {
        const recorder = new ClusterRecorder()
        const names = Array.from({ length: yield* Random.nextIntBetween(2, 5) }, (_, i) => `n${i + 1}`)
        yield* checkGuarantees(recorder)
        const nodes: Members = yield* sim.nodes(
          names,
          (node) => Member.layer(node, { recorder, seeds: ["n1"], talk: [50, 400], overrides }),
          { identity: () => secret },
        )
        yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "1 minute" })
        yield* Effect.sleep("5 seconds")
        const before = new Map(recorder.counts)
        const acceptedBefore = new Map(names.map((node) => [node, acceptedBy(nodes, node)]))
        yield* Invariant.always("no node emits an event", () => {
          for (const [event, count] of recorder.counts) {
            // Readers that pause on purpose are slow peers.
            if (event !== "SlowPeer" && count !== (before.get(event) ?? 0)) return `a node emitted ${event}`
          }
          return true
        })
        const withdrawing = yield* Effect.forkScoped(withdrawAllTheTime(sim, names))
        yield* Effect.raceFirst(Effect.sleep(`${seconds} seconds`), checkProofs(nodes))
        yield* Fiber.interrupt(withdrawing)
        for (const node of names) yield* sim.network.prove(node, secret)
        // The last renewals are over, and the withdrawn connections are closed.
        yield* Effect.sleep("35 seconds")
        const renewals = names.reduce((sum, node) => sum + acceptedBy(nodes, node) - (acceptedBefore.get(node) ?? 0), 0)
        assert.isAbove(renewals, 1, "no link was renewed")
        assert.strictEqual(isWhole(nodes, sim.network), true)
        yield* everythingArrives(sim, nodes, recorder, 10)
      }),
  )

/** Returns the number of links that a node has accepted. */
const acceptedBy = (nodes: Members, name: string): number => nodes[name]?.service(Member.Member)?.accepted() ?? 0

/** The scenario without a defect. */
export const renewed = renewing("links are renewed without a lost message and without an event")
