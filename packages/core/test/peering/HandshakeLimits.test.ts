import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { HandshakeLimits } from "../../src/peering/HandshakeLimits.ts"
import type { HandshakePlace } from "../../src/peering/HandshakePlace.ts"

const connectionOf = (remoteHost: string) => ({ remoteHost, reset: Effect.void })

/** Creates the limits, with methods that fail the test where there is no place. */
const make = (handshakes: number, handshakesPerHost: number) => {
  const limits = new HandshakeLimits({ handshakes, handshakesPerHost })
  const enter = (host: string) => limits.enter(connectionOf(host)) ?? assert.fail(`${host} is refused`)
  /** Enters and sends a complete Hello. */
  const greet = (host: string): HandshakePlace => {
    const { place } = enter(host)
    place.noteHello()
    return place
  }
  return { enter, greet, isRefused: (host: string) => limits.enter(connectionOf(host)) === undefined, limits }
}

describe("places of handshakes", () => {
  it("are limited in total, and free as soon as a connection leaves", () => {
    const { enter, greet, isRefused, limits } = make(2, 2)
    const first = greet("a")
    greet("b")
    assert.isTrue(isRefused("c"))
    assert.strictEqual(limits.size(), 2)
    limits.leave(first)
    assert.isUndefined(enter("c").displaced)
    assert.strictEqual(limits.size(), 2)
  })

  it("are limited per host, and other hosts still get theirs", () => {
    const { enter, greet, isRefused, limits } = make(10, 1)
    const first = greet("a")
    assert.isTrue(isRefused("a"))
    assert.isUndefined(enter("b").displaced)
    limits.leave(first)
    assert.isUndefined(enter("a").displaced)
  })

  it("are freed once per connection, however often it leaves", () => {
    const { enter, limits } = make(2, 2)
    const { place } = enter("a")
    enter("a")
    limits.leave(place)
    limits.leave(place)
    assert.strictEqual(limits.size(), 1)
  })

  it("are taken for a newcomer from the oldest connection of its host without a complete Hello", () => {
    const { enter, greet, isRefused, limits } = make(10, 3)
    const other = enter("b").place
    const older = enter("a").place
    const greeted = greet("a")
    const newer = enter("a").place
    for (const next of [older, newer]) {
      const { displaced, place } = enter("a")
      assert.strictEqual(displaced, next)
      assert.isTrue(next.isDisplaced)
      place.noteHello()
    }
    assert.isTrue(isRefused("a"))
    assert.isFalse(greeted.isDisplaced)
    assert.isFalse(other.isDisplaced)
    assert.strictEqual(limits.size(), 4)
  })

  it("are taken for a newcomer from the host with the most places, if all places are occupied", () => {
    const { enter } = make(4, 4)
    const quiet = enter("a").place
    const flood = ["b", "b", "b"].map((host) => enter(host).place)
    assert.strictEqual(enter("c").displaced, flood[0])
    assert.isFalse(quiet.isDisplaced)
  })

  it("are taken for a newcomer from its own host, if that host would have the most places", () => {
    const { enter } = make(4, 4)
    enter("a")
    const flood = enter("b").place
    enter("a")
    enter("b")
    assert.strictEqual(enter("b").displaced, flood)
  })

  it("are taken for a newcomer from the oldest connection among hosts with equally many places", () => {
    const { enter } = make(2, 4)
    const first = enter("a").place
    enter("b")
    assert.strictEqual(enter("c").displaced, first)
  })
})

const integer = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const oneOf = <const A extends string>(values: ReadonlyArray<A>) => Arbitrary.schema(Schema.Literals(values))

const hosts = ["a", "b", "c", "d"] as const

const events = Arbitrary.array(
  Arbitrary.all([oneOf(["enter", "enter again", "hello", "leave"]), oneOf(hosts), integer(0, 99)]),
  { minLength: 20, maxLength: 60 },
)

/** Limits, and the places that a test expects to be occupied, with `true` for a complete Hello. */
class Model {
  readonly limits: HandshakeLimits
  readonly held = new Map<HandshakePlace, boolean>()
  private readonly bounds: { readonly handshakes: number; readonly handshakesPerHost: number }

  constructor(handshakes: number, handshakesPerHost: number) {
    this.bounds = { handshakes, handshakesPerHost }
    this.limits = new HandshakeLimits(this.bounds)
  }

  enter(host: string): void {
    const { handshakes, handshakesPerHost } = this.bounds
    const isHostFull = this.countOf(host) >= handshakesPerHost
    const isFull = isHostFull || this.held.size >= handshakes
    const yielding = [...this.held].flatMap(([place, isWhole]) =>
      !isWhole && (!isHostFull || place.host === host) ? [place] : [],
    )
    const entered = this.limits.enter(connectionOf(host))
    assert.strictEqual(entered === undefined, isFull && yielding.length === 0)
    if (entered === undefined) return
    const { displaced, place } = entered
    assert.strictEqual(displaced !== undefined, isFull)
    if (displaced !== undefined) {
      const weight = (each: HandshakePlace) => this.countOf(each.host) + (each.host === host ? 1 : 0)
      const most = Math.max(...yielding.map(weight))
      assert.strictEqual(
        displaced,
        yielding.find((each) => weight(each) === most),
      )
      this.held.delete(displaced)
    }
    this.held.set(place, false)
  }

  greet(place: HandshakePlace): void {
    place.noteHello()
    this.held.set(place, true)
  }

  leave(place: HandshakePlace): void {
    this.limits.leave(place)
    this.held.delete(place)
  }

  checkBounds(): void {
    const { handshakes, handshakesPerHost } = this.bounds
    assert.strictEqual(this.limits.size(), this.held.size)
    assert.isAtMost(this.limits.size(), handshakes)
    for (const host of hosts) assert.isAtMost(this.countOf(host), handshakesPerHost)
  }

  private countOf(host: string): number {
    return [...this.held.keys()].filter((place) => place.host === host).length
  }
}

it.prop(
  "places of handshakes keep their limits, are never taken from a complete Hello, and are refused only if no connection can give way",
  [integer(1, 8), integer(1, 4), events],
  ([handshakes, handshakesPerHost, sequence]) => {
    const model = new Model(handshakes, handshakesPerHost)
    for (const [kind, host, pick] of sequence) {
      const place = [...model.held.keys()][pick % Math.max(model.held.size, 1)]
      if (kind === "enter" || kind === "enter again") model.enter(host)
      else if (place !== undefined) model[kind === "hello" ? "greet" : "leave"](place)
      model.checkBounds()
    }
  },
  { arbitrary: { runs: 500 } },
)

it("allows as many simultaneous refusals with an answer as handshakes", () => {
  const { limits } = make(2, 2)
  assert.isTrue(limits.startRejection())
  assert.isTrue(limits.startRejection())
  assert.isFalse(limits.startRejection())
  limits.endRejection()
  assert.isTrue(limits.startRejection())
})
