import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { endOf, make, ms, pattern, reasonOf, second } from "./TestNetwork.ts"

describe("Engine", () => {
  describe("the processes of transports", () => {
    it("never resumes the fibers of an ended process, whatever they wait for", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, acceptor, b, dialer, server } = world.linked()
      const hearing = world.hear(b, acceptor)
      const writing = world.say(b, acceptor, pattern(100_000))
      const other = world.serve(a)
      const { dialing } = world.connect(b, other.address)
      world.connect(a, server.address)
      world.say(a, dialer, "to the dead")
      world.advance(5 * ms)
      world.kill(b)
      world.advance(600 * second)
      assert.deepStrictEqual([hearing.text, hearing.end], ["", undefined])
      assert.isUndefined(writing.exit)
      assert.isUndefined(dialing.exit)
      assert.isUndefined(server.running.exit)
      // The second dial did not reach the process.
      assert.strictEqual(server.accepted.length, 1)
    })

    it("drops tasks that were ready when the process ended", () => {
      const world = make()
      const { a, acceptor, b, dialer } = world.linked()
      const heard = world.hear(b, acceptor)
      b.process.pause()
      world.say(a, dialer, "to the dead")
      world.advance(second)
      world.kill(b)
      b.process.resume()
      world.advance(second)
      assert.deepStrictEqual([heard.text, heard.end], ["", undefined])
    })

    it("accepts bytes for a paused process, and delivers them when it continues", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, acceptor, b, dialer, server } = world.linked()
      const heard = world.hear(b, acceptor)
      b.process.pause()
      world.say(a, dialer, "one ")
      world.advance(second)
      world.say(a, dialer, "two ")
      const { dialing } = world.connect(a, server.address)
      world.advance(600 * second)
      // The host answers the dial although the process is paused.
      world.result(dialing)
      assert.deepStrictEqual([heard.text, server.accepted.length], ["", 1])
      assert.strictEqual(world.engine.bytes("a", "b"), 8)
      world.say(a, dialer, "three")
      b.process.resume()
      world.settle()
      assert.deepStrictEqual([heard.text, server.accepted.length], ["one two ", 2])
      world.advance(second)
      assert.strictEqual(heard.text, "one two three")
    })

    it("accepts no more bytes for a paused process than fit", () => {
      const world = make()
      const { a, acceptor, b, dialer } = world.linked()
      const heard = world.hear(b, acceptor)
      b.process.pause()
      let written = 0
      let writing = world.say(a, dialer, pattern(1000))
      for (; writing.exit !== undefined; writing = world.say(a, dialer, pattern(1000))) {
        written++
        assert.isBelow(written, 100)
        // Each write arrives before the next.
        world.advance(0)
      }
      world.advance(600 * second)
      assert.isUndefined(writing.exit)
      // The 66th does not fit.
      assert.strictEqual(written, 65)
      assert.strictEqual(world.engine.bytes("a", "b"), 65_000)
      b.process.resume()
      world.advance(second)
      world.result(writing)
      assert.strictEqual(heard.size, 66_000)
    })

    it("reports a lost connection to a paused process when it continues", () => {
      const world = make()
      const { acceptor, b } = world.linked()
      const heard = world.hear(b, acceptor)
      b.process.pause()
      world.engine.reset("a", "b")
      world.advance(second)
      assert.isUndefined(heard.end)
      b.process.resume()
      world.settle()
      assert.strictEqual(endOf(heard), "closed")
    })

    it("loses no bytes of an interrupted pull whose bytes had arrived", () => {
      const world = make()
      const { a, acceptor, b, dialer } = world.linked()
      const pulling = b.fork(acceptor.pull)
      world.settle()
      b.process.pause()
      world.say(a, dialer, "kept")
      world.advance(second)
      pulling.interrupt()
      b.process.resume()
      world.settle()
      assert.strictEqual(world.hear(b, acceptor).text, "kept")
    })

    it("runs the handlers of a listener in the listening process, and not in the dialing one", () => {
      const world = make()
      const a = world.boot("a")
      const b = world.boot("b")
      const server = world.serve(b)
      b.process.pause()
      const { dialing } = world.connect(a, server.address)
      world.advance(second)
      world.result(dialing)
      a.process.kill()
      b.process.resume()
      world.settle()
      assert.strictEqual(server.accepted.length, 1)
    })
  })

  describe("crashes", () => {
    it("resets the peers of a killed process after the bytes that it had sent, and refuses dials", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, acceptor, b, dialer, server } = world.linked()
      const heard = world.hear(a, dialer)
      world.say(b, acceptor, "last words")
      world.kill(b)
      assert.deepStrictEqual(world.engine.inspect().listeners, [])
      assert.strictEqual(world.engine.open("b"), 0)
      const { dialing } = world.connect(a, server.address)
      world.advance(20 * ms)
      assert.strictEqual(heard.text, "last words")
      assert.strictEqual(endOf(heard), "closed")
      assert.strictEqual(reasonOf(dialing), "refused")
      assert.deepStrictEqual(world.engine.inspect().connections, [])
    })

    it("makes a host without power a black hole: writes to it time out", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, acceptor, b, dialer, server } = world.linked()
      const heard = world.hear(a, dialer)
      world.say(b, acceptor, "never sent")
      world.kill(b, true)
      assert.strictEqual(world.engine.open("b"), 0)
      world.advance(600 * second)
      assert.deepStrictEqual([heard.text, heard.end], ["", undefined])
      const began = world.now()
      world.say(a, dialer, "hello?")
      const { dialing } = world.connect(a, server.address)
      world.advance(600 * second)
      assert.strictEqual(heard.endedAt, began + 30 * second)
      assert.strictEqual(reasonOf(dialing), "unreachable")
      assert.deepStrictEqual(world.engine.inspect().connections, [])
    })

    it("resets the writer to a host that has returned and does not know the connection", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, b, dialer } = world.linked()
      const heard = world.hear(a, dialer)
      world.kill(b, true)
      world.advance(second)
      world.boot("b")
      world.advance(600 * second)
      assert.isUndefined(heard.end)
      world.say(a, dialer, "hello?")
      world.advance(20 * ms)
      assert.strictEqual(endOf(heard), "closed")
    })

    it("retransmits segments that a host without power did not receive once it returns", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, b, dialer, server } = world.linked()
      const heard = world.hear(a, dialer)
      world.kill(b, true)
      world.say(a, dialer, "hello?")
      const first = world.connect(a, server.address)
      world.advance(5 * second)
      world.serve(world.boot("b"))
      const began = world.now()
      world.advance(20 * ms)
      assert.strictEqual(heard.endedAt, began + 20 * ms)
      // The dial waited until the host returned, as a lost dial does, and reached the new listener.
      world.result(first.dialing)
    })

    it("resets an accepted connection whose dialer has lost it", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, b, server } = world.linked()
      world.connect(a, server.address)
      world.advance(15 * ms)
      // The answer is in transit.
      world.kill(a, true)
      world.advance(second)
      world.boot("a")
      world.advance(second)
      const heard = world.hear(b, server.accepted[1] ?? assert.fail("the connection was not accepted"))
      assert.strictEqual(endOf(heard), "closed")
    })

    it("drops a dial of a host that lost power", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, server } = world.linked()
      world.engine.reset("a", "b")
      world.connect(a, server.address)
      world.advance(5 * ms)
      world.kill(a, true)
      assert.deepStrictEqual(world.engine.inspect().connections, [])
      world.advance(second)
      assert.strictEqual(server.accepted.length, 1)
    })

    it("also drops connections that no program at the host had accepted", () => {
      const world = make()
      const { a } = world.linked()
      const c = world.boot("c")
      const listener = world.result(c.fork(Scope.provide(c.transport.listen, Scope.makeUnsafe())))
      const { dialing } = world.connect(a, listener.addresses[0])
      world.advance(second)
      const heard = world.hear(a, world.result(dialing))
      world.engine.crash("c")
      world.advance(second)
      assert.strictEqual(endOf(heard), "closed")
      const accepted: Array<unknown> = []
      c.fork(listener.run((connection) => Effect.sync(() => void accepted.push(connection))))
      world.advance(second)
      assert.deepStrictEqual(accepted, [])
    })

    it("delivers nothing to a new life that was sent to the old life", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, b, dialer } = world.linked()
      world.say(a, dialer, "for the old one")
      world.kill(b)
      const reborn = world.boot("b")
      const server = world.serve(reborn)
      const { dialing } = world.connect(a, server.address)
      world.advance(20 * ms)
      const heard = world.hear(reborn, server.accepted[0] ?? assert.fail("the connection was not accepted"))
      world.say(a, world.result(dialing), "for the new one")
      world.advance(second)
      assert.strictEqual(heard.text, "for the new one")
      assert.deepStrictEqual(
        world.observations.flatMap((told) => (told._tag === "Dropped" ? [told.segment] : [])),
        [1],
      )
    })

    it("disables the transport of a killed process", () => {
      const world = make()
      const { b, server } = world.linked()
      world.engine.crash("b")
      const listening = b.fork(Effect.scoped(b.transport.listen))
      const { dialing } = world.connect(b, server.address)
      world.advance(0)
      assert.deepStrictEqual([reasonOf(listening), reasonOf(dialing)], ["listen", "unreachable"])
      assert.deepStrictEqual([world.engine.open("a"), world.engine.open("b")], [0, 0])
    })
  })

  describe("its reports", () => {
    it("contain each connection and segment, in order, with numbers from 1", () => {
      const world = make({ conditions: { delay: 10 * ms } })
      const a = world.boot("a")
      const b = world.boot("b")
      const server = world.serve(b)
      const { close, dialing } = world.connect(a, server.address)
      world.advance(20 * ms)
      world.say(a, world.result(dialing), "hi")
      world.advance(10 * ms)
      world.say(b, server.accepted[0] ?? assert.fail("the connection was not accepted"), "you")
      close()
      world.advance(5 * ms)
      server.release(0)
      world.advance(second)
      const nobody = world.connect(b, server.address)
      server.close()
      world.advance(second)
      assert.strictEqual(reasonOf(nobody.dialing), "refused")
      assert.deepStrictEqual(
        world.observations.map((told) => (told._tag === "Sent" ? { ...told, bytes: told.bytes.length } : told)),
        [
          { _tag: "Dialed", connection: 1, from: "a", to: "b", at: 0 },
          { _tag: "Accepted", connection: 1, at: 10 * ms },
          { _tag: "Sent", connection: 1, segment: 1, from: "a", to: "b", side: "dialer", bytes: 2, at: 20 * ms },
          { _tag: "Arrived", segment: 1, at: 30 * ms },
          { _tag: "Sent", connection: 1, segment: 2, from: "b", to: "a", side: "acceptor", bytes: 3, at: 30 * ms },
          { _tag: "Ended", connection: 1, by: "a", how: "end", at: 30 * ms },
          { _tag: "Ended", connection: 1, by: "b", how: "end", at: 35 * ms },
          { _tag: "Dropped", segment: 2, why: "a has closed the connection", at: 40 * ms },
          { _tag: "Dialed", connection: 2, from: "b", to: "b", at: 1_035_000 },
          { _tag: "Ended", connection: 2, by: "b", how: "refused", at: 1_045_000 },
        ],
      )
    })

    it("contain the side that lost a connection, and the reason", () => {
      const ends = (
        break_: (world: ReturnType<typeof make>, link: ReturnType<ReturnType<typeof make>["linked"]>) => void,
      ) => {
        const world = make()
        const link = world.linked()
        break_(world, link)
        world.advance(60 * second)
        return world.observations.flatMap((told) => (told._tag === "Ended" ? [`${told.by} ${told.how}`] : []))
      }
      assert.deepStrictEqual(
        ends(({ engine }) => engine.reset("a", "b")),
        ["b reset", "a reset"],
      )
      assert.deepStrictEqual(
        ends(({ engine }) => engine.halfOpen("a", "b", "gone")),
        ["b vanished"],
      )
      assert.deepStrictEqual(
        ends(({ kill }, { b }) => kill(b)),
        ["b reset"],
      )
      assert.deepStrictEqual(
        ends(({ kill }, { b }) => kill(b, true)),
        ["b vanished"],
      )
      assert.deepStrictEqual(
        ends(({ engine, say }, { a, dialer }) => {
          engine.clog("a", "b")
          say(a, dialer, "lost")
        }),
        ["a vanished"],
      )
    })

    it("contain the outcome of every segment once, under all faults", () => {
      for (let seed = 1; seed <= 30; seed++) {
        const world = make({
          seed,
          conditions: { loss: 0.3, bandwidth: 20_000, queue: 2000, split: 0.5, delay: { uniform: [0, second] } },
        })
        const { a, acceptor, b, dialer } = world.linked()
        world.hear(b, acceptor)
        for (let i = 0; i < 20; i++) {
          world.say(a, dialer, pattern(500))
          world.say(b, acceptor, pattern(500))
        }
        world.advance(second)
        if (seed % 3 === 0) world.kill(b, true)
        else if (seed % 3 === 1) world.engine.reset("a", "b")
        else world.engine.isolate("a")
        world.advance(600 * second)
        world.engine.close()
        const sent = world.observations.flatMap((told) => (told._tag === "Sent" ? [told.segment] : []))
        const ended = world.observations.flatMap((told) =>
          told._tag === "Arrived" || told._tag === "Dropped" ? [told.segment] : [],
        )
        assert.deepStrictEqual(
          ended.sort((x, y) => x - y),
          sent.sort((x, y) => x - y),
          `seed ${seed}`,
        )
      }
    })
  })
})
