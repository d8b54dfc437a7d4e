import { type Arrived, Gate, type Step, turnMillis, type Visitor } from "../../../src/internal/accept/Gate.ts"
import { muteMillis } from "../../../src/internal/accept/HostTable.ts"
import { KnownHosts } from "../../../src/internal/accept/KnownHosts.ts"
import { defaults, type ProofStrangers } from "../../../src/internal/accept/strangers.ts"
import * as Networks from "../../../src/internal/networks/Networks.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { drawsOf } from "../draws.ts"
import { gateOptions } from "../gateOptions.ts"

const handshakeMillis = 5_000

const kinds = ["arrive", "arrive", "ready", "ready", "leave", "fail", "know", "wait"] as const

/** A gate with a clock that the test moves. */
class World {
  now = 0
  readonly known = new KnownHosts(1_024)
  readonly gate: Gate<string>
  private count = 0

  constructor(bounds: Partial<ProofStrangers> = {}, networks = Networks.everybody) {
    this.gate = new Gate(gateOptions(bounds, { known: this.known, networks, handshakeMillis }), 0)
  }

  arrive(address: string): Arrived<string> {
    return this.gate.arrive(`${address} ${this.count++}`, address, this.now)
  }

  /** Lets a connection in that must find a place. */
  enter(address: string): Visitor<string> {
    const arrived = this.arrive(address)
    return arrived._tag === "Waits" ? arrived.visitor : assert.fail(`${address} was refused: ${arrived.reason}`)
  }

  /** Lets a connection in whose first byte is there. */
  enterReady(address: string): Visitor<string> {
    const visitor = this.enter(address)
    this.gate.setReady(visitor)
    return visitor
  }

  /** Takes all steps of this moment. */
  steps(): Array<Step<string>> {
    const steps: Array<Step<string>> = []
    for (let step = this.gate.next(this.now); step !== undefined; step = this.gate.next(this.now)) steps.push(step)
    return steps
  }

  started(): Array<string> {
    return this.steps().flatMap(({ _tag, visitor }) => (_tag === "Start" ? [visitor.address] : []))
  }

  know(host: string): void {
    this.known.opened(host, this.now)
  }
}

const reasonOf = (arrived: Arrived<string>) => (arrived._tag === "Refused" ? arrived.reason : arrived._tag)

const repeat = <A>(count: number, f: (i: number) => A) => Array.from({ length: count }, (_, i) => f(i))

describe("the gate", () => {
  it("refuses what the lists exclude, and counts that nowhere", () => {
    const networks = Result.getOrThrow(Networks.make({ deny: ["192.0.2.0/24"] }))
    const { gate } = new World({}, networks)
    assert.strictEqual(reasonOf(gate.arrive("", "192.0.2.1", 0)), "blocked")
    assert.strictEqual(gate.check("::ffff:192.0.2.1", 0), "blocked")
    assert.strictEqual(gate.hostCount(), 0)
  })

  it("lets a host make a burst of connections, and then so many a second", () => {
    const world = new World({ connectionsBurst: 3, connectionsPerSecond: 2 })
    const arrivals = () => repeat(5, () => world.gate.check("192.0.2.1", world.now) ?? "in")
    assert.deepStrictEqual(arrivals(), ["in", "in", "in", "rate", "rate"])
    assert.isUndefined(world.gate.check("192.0.2.2", world.now))
    world.now = 1_000
    assert.deepStrictEqual(arrivals(), ["in", "in", "rate", "rate", "rate"])
  })

  it("asks known hosts for no rate", () => {
    const world = new World({ connectionsBurst: 1 })
    world.know("192.0.2.1")
    for (let i = 0; i < 100; i++) assert.isUndefined(world.gate.check("192.0.2.1", 0))
  })

  it("counts the addresses of one network of 64 bits as one host", () => {
    const world = new World({ connectionsBurst: 1 })
    assert.isUndefined(world.gate.check("2001:db8::1", 0))
    assert.strictEqual(world.gate.check("2001:db8::2", 0), "rate")
    assert.isUndefined(world.gate.check("2001:db8:0:1::1", 0))
  })

  it("mutes a host for a minute after its failures of a minute, unless the host is known", () => {
    const world = new World({ failures: 3 })
    const fail = (address: string) => world.gate.fail(world.enter(address), world.now)
    fail("192.0.2.1")
    fail("192.0.2.1")
    world.now = muteMillis
    fail("192.0.2.1")
    fail("192.0.2.1")
    assert.isUndefined(world.gate.check("192.0.2.1", world.now))
    fail("192.0.2.1")
    assert.strictEqual(world.gate.check("192.0.2.1", world.now), "rate")
    world.now = 2 * muteMillis - 1
    assert.strictEqual(world.gate.check("192.0.2.1", world.now), "rate")
    world.know("192.0.2.1")
    assert.isUndefined(world.gate.check("192.0.2.1", world.now))
    world.now = 2 * muteMillis
    assert.isUndefined(world.gate.check("192.0.2.1", world.now))
  })

  it("counts no failure of a dialer that goes away", () => {
    const world = new World({ failures: 1 })
    world.gate.leave(world.enter("192.0.2.1"))
    assert.isUndefined(world.gate.check("192.0.2.1", 0))
  })

  it("cuts at the deadline what is silent, what is ready and what is in the handshake, once each", () => {
    const world = new World({ handshakes: 1 })
    world.enter("192.0.2.1")
    world.enterReady("192.0.2.2")
    world.now = 1
    assert.deepStrictEqual(world.started(), ["192.0.2.2"])
    world.enterReady("192.0.2.3")
    assert.deepStrictEqual(world.steps(), [])
    world.now = handshakeMillis - 1
    assert.strictEqual(world.gate.wakeAt(world.now), handshakeMillis)
    world.now = handshakeMillis
    assert.deepStrictEqual(
      world.steps().map((step) => [step._tag, step.visitor.address]),
      [
        ["Cut", "192.0.2.1"],
        ["Cut", "192.0.2.2"],
        ["Start", "192.0.2.3"],
      ],
    )
    world.now = handshakeMillis + 1
    assert.deepStrictEqual(
      world.steps().map((step) => [step._tag, step.visitor.address]),
      [["Cut", "192.0.2.3"]],
    )
    assert.strictEqual(world.gate.wakeAt(world.now), Number.POSITIVE_INFINITY)
  })

  it("starts only handshakes whose first byte is there", () => {
    const world = new World()
    world.enter("192.0.2.1")
    world.enterReady("192.0.2.2")
    assert.deepStrictEqual(world.started(), ["192.0.2.2"])
  })

  it("starts at most so many handshakes at once, and of one host", () => {
    const world = new World({ handshakes: 6, handshakesPerHost: 3 })
    const visitors = repeat(5, () => world.enterReady("192.0.2.1"))
    assert.strictEqual(world.started().length, 3)
    repeat(5, (i) => world.enterReady(`192.0.2.${10 + i}`))
    // A third of the places is reserved.
    assert.deepStrictEqual(world.started(), ["192.0.2.10"])
    world.know("192.0.2.20")
    world.enterReady("192.0.2.20")
    world.enterReady("192.0.2.20")
    world.enterReady("192.0.2.20")
    assert.deepStrictEqual(world.started(), ["192.0.2.20", "192.0.2.20"])
    world.now = 500
    const [first] = visitors
    if (first !== undefined) world.gate.leave(first)
    assert.strictEqual(world.started().length, 1)
  })

  it("lets hosts take turns", () => {
    const world = new World({ handshakes: 1 })
    for (const host of [1, 1, 1, 2, 2, 3]) world.enterReady(`192.0.2.${host}`)
    const order: Array<string> = []
    for (let i = 0; i < 6; i++) {
      world.now += 100
      for (const { visitor } of world.steps()) {
        order.push(visitor.address.slice(-1))
        world.gate.leave(visitor)
      }
    }
    assert.strictEqual(order.join(""), "123121")
  })

  it("starts so many handshakes a second, and has a third of them for known hosts", () => {
    const rate = 90
    const counts = (isKnown: boolean) => {
      const world = new World({ handshakesPerSecond: rate, handshakes: 3, connectionsBurst: 100_000 })
      if (isKnown) world.know("192.0.2.9")
      const started = { known: 0, unknown: 0 }
      for (; world.now < 10_000; world.now += 5) {
        world.enterReady("192.0.2.1")
        if (isKnown) world.enterReady("192.0.2.9")
        for (const { _tag, visitor } of world.steps()) {
          if (_tag === "Start") started[visitor.isKnown ? "known" : "unknown"]++
          world.gate.leave(visitor)
        }
        for (const visitor of [...world.gate.inside()]) world.gate.leave(visitor)
      }
      return started
    }
    const alone = counts(false)
    assert.isAtMost(alone.unknown, 600 + 3)
    assert.isAtLeast(alone.unknown, 590)
    const both = counts(true)
    assert.isAtMost(both.known + both.unknown, 900 + 3)
    assert.isAtLeast(both.known, 295)
  })

  it("lets the oldest silent connection of a full host give way, and refuses a newcomer if none is silent", () => {
    const world = new World({ waitingPerHost: 2 })
    const oldest = world.enter("192.0.2.1")
    world.enterReady("192.0.2.1")
    const arrived = world.arrive("192.0.2.1")
    assert.strictEqual(arrived._tag === "Waits" ? arrived.displaced : undefined, oldest)
    if (arrived._tag === "Waits") world.gate.setReady(arrived.visitor)
    assert.strictEqual(reasonOf(world.arrive("192.0.2.1")), "crowd")
    assert.strictEqual(reasonOf(world.arrive("192.0.2.2")), "Waits")
  })

  it("takes the place of a silent connection from the host with the most of them, and none from a known host", () => {
    const world = new World({ waiting: 6 })
    world.know("192.0.2.9")
    repeat(2, () => world.enter("192.0.2.9"))
    world.enter("192.0.2.1")
    const most = world.enter("192.0.2.2")
    world.enter("192.0.2.2")
    world.enter("192.0.2.1")
    const displaced = (address: string) => {
      const arrived = world.arrive(address)
      return arrived._tag === "Waits" ? arrived.displaced?.address : arrived.reason
    }
    assert.strictEqual(displaced("192.0.2.3"), "192.0.2.1")
    assert.strictEqual(displaced("192.0.2.3"), most.address)
    assert.strictEqual(displaced("192.0.2.9"), "192.0.2.9")
  })

  it("keeps a third of the waiting places for known hosts", () => {
    const world = new World({ waiting: 6, handshakes: 1 })
    world.enterReady("192.0.2.0")
    assert.strictEqual(world.started().length, 1)
    repeat(4, (i) => world.enterReady(`192.0.2.${i}`))
    assert.strictEqual(reasonOf(world.arrive("192.0.2.7")), "crowd")
    world.know("192.0.2.9")
    world.enterReady("192.0.2.9")
    world.enterReady("192.0.2.9")
    assert.strictEqual(reasonOf(world.arrive("192.0.2.9")), "crowd")
  })

  it("cuts a handshake that takes longer than its turn, if another waits for its place", () => {
    const world = new World({ handshakes: 3, handshakesPerHost: 2 })
    const slow = repeat(2, () => world.enterReady("192.0.2.1"))
    assert.strictEqual(world.started().length, 2)
    world.now = turnMillis
    assert.deepStrictEqual(world.steps(), [])
    world.enterReady("192.0.2.2")
    assert.deepStrictEqual(
      world.steps().map((step) => [step._tag, step.visitor]),
      [
        ["Cut", slow[0]],
        ["Start", [...world.gate.inside()].at(-1)],
      ],
    )
  })

  it("wakes its caller when a handshake has to give way", () => {
    const world = new World({ handshakes: 1 })
    world.enterReady("192.0.2.1")
    assert.strictEqual(world.started().length, 1)
    world.now = 500
    world.enterReady("192.0.2.2")
    assert.deepStrictEqual(world.steps(), [])
    assert.strictEqual(world.gate.wakeAt(world.now), turnMillis)
  })

  it("lets connections use the reserve whose host becomes known while they wait", () => {
    const world = new World({ handshakes: 6 })
    repeat(6, () => world.enterReady("192.0.2.1"))
    assert.strictEqual(world.started().length, 4)
    world.know("192.0.2.1")
    assert.strictEqual(world.started().length, 2)
  })

  it("does not cut a handshake of a known host for a stranger", () => {
    const world = new World({ handshakes: 1 })
    world.know("192.0.2.9")
    world.enterReady("192.0.2.9")
    assert.strictEqual(world.started().length, 1)
    world.now = 2 * turnMillis
    world.enterReady("192.0.2.2")
    assert.deepStrictEqual(world.steps(), [])
  })

  it("lets 70 nodes behind one address in at once, also if each fails once", () => {
    const world = new World()
    const first = repeat(70, () => world.enterReady("192.0.2.1"))
    const done = new Set<string>()
    for (; done.size < 140 && world.now < handshakeMillis; world.now += 5) {
      for (const { visitor } of world.steps()) {
        done.add(visitor.socket)
        if (first.includes(visitor)) {
          world.gate.fail(visitor, world.now)
          world.enterReady("192.0.2.1")
        } else world.gate.leave(visitor)
      }
    }
    assert.strictEqual(done.size, 140)
  })

  it("remembers a bounded number of hosts, of any number", () => {
    const world = new World()
    for (let i = 0; i < 50_000; i++) {
      const visitor = world.enter(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
      if (i % 2 === 0) world.gate.fail(visitor, world.now)
      else world.gate.leave(visitor)
    }
    assert.strictEqual(world.gate.hostCount(), defaults.hosts)
  }, 60_000)

  it("keeps the account of a host with a connection inside", () => {
    const world = new World({ hosts: 2, waitingPerHost: 1 })
    world.enterReady("192.0.2.1")
    repeat(10, (i) => world.gate.leave(world.enter(`192.0.2.${10 + i}`)))
    assert.strictEqual(reasonOf(world.arrive("192.0.2.1")), "crowd")
  })

  it("keeps its bounds, starts and cuts nobody twice, and starves nobody, whatever arrives and leaves", () => {
    const bounds = { ...defaults, handshakes: 4, handshakesPerHost: 2, waiting: 9, waitingPerHost: 3, hosts: 20 }
    for (let seed = 0; seed < 200; seed++) {
      const draw = drawsOf(seed)
      const world = new World(bounds)
      const gone = new Set<Visitor<string>>()
      const running = new Set<Visitor<string>>()
      const leave = (visitor: Visitor<string>) => {
        running.delete(visitor)
        gone.add(visitor)
      }
      const check = () => {
        for (const step of world.steps()) {
          assert.isFalse(gone.has(step.visitor))
          if (step._tag === "Cut") leave(step.visitor)
          else {
            assert.isFalse(running.has(step.visitor))
            running.add(step.visitor)
          }
        }
        const inside = [...world.gate.inside()]
        const waiting = inside.filter(({ state }) => state !== "running")
        const strangers = [...running].filter(({ isKnown }) => !isKnown)
        const isBounded = running.size <= bounds.handshakes && strangers.length <= 3 && waiting.length <= bounds.waiting
        assert.isTrue(isBounded, "bounds of all")
        for (const account of new Set(inside.map((each) => each.account))) {
          const ofHost = inside.filter((each) => each.account === account)
          const isExact = account.waiting + account.running === ofHost.length
          const fits = account.running <= bounds.handshakesPerHost && account.waiting <= bounds.waitingPerHost
          assert.isTrue(isExact && fits, "bounds of a host")
        }
        // A caller that sleeps until then misses nothing.
        const at = world.gate.wakeAt(world.now)
        assert.isAbove(at, world.now)
        if (inside.length > 0) assert.isAtMost(at, world.now + handshakeMillis)
      }
      for (let i = 0; i < 200; i++) {
        const kind = kinds[draw(kinds.length)]
        const index = draw(8)
        const inside = [...world.gate.inside()]
        const visitor = inside[index % Math.max(1, inside.length)]
        if (kind === "wait") world.now += draw(400)
        else if (kind === "know") world.know(`192.0.2.${index}`)
        else if (kind === "arrive") {
          const arrived = world.arrive(`192.0.2.${index}`)
          if (arrived._tag === "Waits" && arrived.displaced !== undefined) leave(arrived.displaced)
        } else if (visitor !== undefined) {
          if (kind === "ready") world.gate.setReady(visitor)
          else {
            if (kind === "leave") world.gate.leave(visitor)
            else world.gate.fail(visitor, world.now)
            leave(visitor)
          }
        }
        check()
      }
      // Whoever is ready starts or is cut, if the caller follows the clock of the gate.
      for (let at = world.gate.wakeAt(world.now); at < Number.POSITIVE_INFINITY; at = world.gate.wakeAt(world.now)) {
        world.now = at
        check()
      }
      assert.strictEqual([...world.gate.inside()].length, 0)
    }
  }, 60_000)
})
