/** Steps of a dial, which a transport reports to the observer of the dial. */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { Authority } from "./Authority.ts"
import { issue, materialOf, nodeOf } from "./certificateNodes.ts"

type Shape = Transport.Transport["Service"]

const build = <E>(layer: Layer.Layer<Transport.Transport, E>) =>
  Effect.map(Layer.build(layer), Context.get(Transport.Transport)).pipe(Effect.provide(Logger.layer([])))

const secret = (...secrets: readonly [string, ...ReadonlyArray<string>]) => {
  const [first, ...others] = secrets
  const keyring = Keyring.layer([Redacted.make(first), ...others.map((each) => Redacted.make(each))])
  return build(NodeTransport.layerSecret({ port: 0 }).pipe(Layer.provide(keyring)))
}

/** Dials the name `localhost` with the port of a listener, and returns the steps. */
const stepsOf = Effect.fnUntraced(function* (dialer: Shape, acceptor: Shape) {
  const { addresses } = yield* acceptor.listen.pipe(Effect.provide(Logger.layer([])))
  const steps: Array<Transport.DialStep> = []
  const observer = (step: Transport.DialStep) => void steps.push(step)
  const target = Result.getOrThrow(Address.make("localhost", Address.port(addresses[0])))
  const outcome = yield* Effect.result(Effect.provideService(dialer.connect(target), Transport.DialObserver, observer))
  return { steps, isConnected: Result.isSuccess(outcome) }
})

const tagsOf = (steps: ReadonlyArray<Transport.DialStep>) => steps.map(({ _tag }) => _tag)

describe("the observer of a dial gets", () => {
  it.live("the addresses of the name, and the one that answered", () =>
    Effect.gen(function* () {
      const node = yield* build(NodeTransport.layerTcp({ port: 0 }))
      const { steps } = yield* stepsOf(node, node)
      const [resolved, connected] = steps
      assert.deepStrictEqual(tagsOf(steps), ["Resolved", "Connected"])
      assert.include(resolved?._tag === "Resolved" ? resolved.hosts : [], "127.0.0.1")
      assert.deepStrictEqual(connected, { _tag: "Connected", host: "127.0.0.1" })
    }).pipe(Effect.scoped),
  )

  it.live("TLS with a secret, and a connection for each secret that was tried", () =>
    Effect.gen(function* () {
      const [one, two] = ["a first secret, which is long enough", "a second secret, which is long enough"]
      const acceptor = yield* secret(two)
      const { steps } = yield* stepsOf(yield* secret(one, two), acceptor)
      assert.deepStrictEqual(tagsOf(steps), ["Resolved", "Connected", "Connected", "Secured"])
      assert.deepStrictEqual(steps[3], { _tag: "Secured", protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" })
      const refused = yield* stepsOf(yield* secret(one), yield* secret(two))
      assert.deepStrictEqual([refused.isConnected, tagsOf(refused.steps)], [false, ["Resolved", "Connected"]])
    }).pipe(Effect.scoped),
  )

  it.live("TLS with certificates", () =>
    Effect.gen(function* () {
      const authority = Authority.root()
      const node = yield* nodeOf(materialOf(issue(authority), [authority]))
      const { steps } = yield* stepsOf(node, node)
      assert.deepStrictEqual(tagsOf(steps), ["Resolved", "Connected", "Secured"])
      assert.deepInclude(steps[2], { _tag: "Secured", protocol: "TLSv1.3" })
    }).pipe(Effect.scoped),
  )
})
