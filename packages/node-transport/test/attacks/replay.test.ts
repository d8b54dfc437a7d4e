/** Attackers on the path between nodes with a secret who record what they see, or lead a node elsewhere. */
import * as Address from "@coterie/core/Address"
import * as Keyring from "@coterie/node-transport/Keyring"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { accepting } from "../accepting.ts"
import { serve } from "../rawServer.ts"
import { hasLinks, linked, start, until } from "../secretCluster.ts"
import { nodeOf, otherSecret, secret } from "../secretOutcomes.ts"
import { Traffic } from "../Traffic.ts"
import * as Middle from "./Middle.ts"

const live = (name: string, test: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.provide(test(), Logger.layer([])), 60_000)

/** Records a connection with one message and its answer. It stays open. */
const recorded = Effect.fnUntraced(function* (target: Address.Address) {
  const records = { up: new Array<Buffer>(), down: new Array<Buffer>() }
  const { address, middle } = yield* Middle.make
  middle.lead(target)
  middle.use((passing) => {
    records[passing.direction].push(passing.bytes)
    return Middle.pass(passing)
  })
  const connection = yield* (yield* nodeOf()).connect(address)
  yield* connection.write([Buffer.from("a command")])
  assert.include(String((yield* connection.pull)[0]), "read a command")
  return records
})

/** Sends bytes in these pieces, and waits until the other side has closed. Returns the types of the records that it sent. */
const replay = (address: Address.Address, pieces: ReadonlyArray<Buffer>) =>
  Effect.callback<ReadonlyArray<number | undefined>>((resume) => {
    const answers: Array<number | undefined> = []
    const socket = Net.connect({ host: "127.0.0.1", port: Address.port(address), noDelay: true }, () => {
      for (const piece of pieces) socket.write(piece)
    })
    socket.on("error", () => {})
    socket.on("data", (bytes) => answers.push(bytes[0]))
    socket.on("close", () => resume(Effect.succeed(answers)))
    return Effect.sync(() => socket.destroy())
  })

describe("the recorded bytes of a connection", () => {
  live("open no connection at the same node and at another, before and after a rotation", () =>
    Effect.gen(function* () {
      const keys = yield* Keyring.make(secret)
      const same = yield* accepting(keys)
      const another = yield* accepting(yield* Keyring.make(secret))
      const { up } = yield* recorded(same.address)
      assert.strictEqual(yield* same.count, 1)
      // ClientHello, the end of the handshake, and the message.
      assert.isAtLeast(up.length, 3)
      const attack = Effect.fnUntraced(function* (isAnswered: boolean) {
        for (const node of [same, another]) {
          for (const pieces of [up, [Buffer.concat(up)], up.slice(0, 1).concat(up), up.toReversed()]) {
            const answers = yield* replay(node.address, pieces)
            if (pieces === up && node === same) assert.strictEqual(answers[0] === Middle.handshake, isAnswered)
            assert.strictEqual(yield* node.count, 0)
          }
        }
      })
      yield* attack(true)
      yield* keys.set([otherSecret, secret])
      yield* attack(true)
      yield* keys.set([otherSecret])
      yield* attack(false)
    }),
  )

  live("convince no node that dials", () =>
    Effect.gen(function* () {
      const { down } = yield* recorded((yield* accepting(yield* Keyring.make(secret))).address)
      const node = yield* nodeOf()
      for (const pieces of [down, down.slice(0, 2), down.slice(1)]) {
        const { address } = yield* serve((socket) => {
          socket.resume().once("data", () => {
            for (const piece of pieces) socket.write(piece)
            socket.end()
          })
        })
        assert.strictEqual((yield* Effect.flip(node.connect(address))).reason, "unauthenticated")
      }
    }),
  )
})

describe("a dial that an attacker leads elsewhere", () => {
  live("makes no link of a node with itself", () =>
    Effect.gen(function* () {
      const { address, middle } = yield* Middle.make
      const node = yield* start({ name: "a", secrets: [secret] })
      middle.lead(node.address)
      const error = yield* Effect.flip(node.cluster.join(address))
      assert.strictEqual(error.reason._tag, "OwnAddress")
      assert.strictEqual(node.cluster.viewUnsafe().peers.size, 0)
    }),
  )

  live("brings no link under the name of the peer, and no message to another", () =>
    Effect.gen(function* () {
      const middles = new Map<Address.Address, { readonly address: Address.Address; readonly middle: Middle.Middle }>()
      const lead = (address: Address.Address) => middles.get(address)?.address ?? address
      const a = yield* start({ name: "a", secrets: [secret], lead })
      const b = yield* start({ name: "b", secrets: [secret], lead })
      const c = yield* start({ name: "c", secrets: [secret] })
      for (const node of [a, b]) {
        const attacker = yield* Middle.make
        attacker.middle.lead(node.address)
        middles.set(node.address, attacker)
      }
      for (const node of [b, c]) yield* node.cluster.join(a.address)
      yield* linked([a, b, c])
      const lives = [a, b, c].map((node) => ({ node, name: node.name }))
      const traffic = new Traffic(5)
      for (const life of lives) yield* traffic.receive(life)
      for (const from of lives) {
        for (const to of lives) if (from !== to) yield* traffic.send(from, to)
      }
      const connections = () => [...middles.values()].flatMap(({ middle }) => middle.connections)
      // From now on the two reach the third in place of each other.
      for (const { middle } of middles.values()) middle.lead(c.address)
      const before = connections().length
      const seen = [a.events.length, b.events.length]
      for (const connection of connections()) connection.cut()
      yield* until(() => connections().length >= before + 4)
      assert.isFalse(hasLinks(a, [b]) || hasLinks(b, [a]))
      assert.notInclude(a.events.slice(seen[0]), "Reachable b")
      assert.notInclude(b.events.slice(seen[1]), "Reachable a")
      for (const node of [a, b]) middles.get(node.address)?.middle.lead(node.address)
      yield* linked([a, b, c])
      yield* traffic.stop
      // Messages for one node that arrive at another appear as flows that nobody has sent.
      assert.strictEqual(traffic.flows.length, 6)
      for (const { disorders } of traffic.flows) assert.deepStrictEqual(disorders, [])
    }),
  )
})
