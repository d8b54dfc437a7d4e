/** Tests of addresses and ports. */
import * as Address from "@coterie/core/Address"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { connected, nodeOf, reasonOf } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkListening = ({ check }: Suite): void => {
  check("a connect to a port without a listener is refused", (harness) =>
    Effect.gen(function* () {
      const server = yield* nodeOf(harness)
      const client = yield* nodeOf(harness)
      const {
        addresses: [address],
      } = yield* Effect.scoped(server.listen)
      assert.strictEqual(yield* reasonOf(client.connect(address)), "refused")
    }),
  )

  check("a port in use is an error that names it", (harness) =>
    Effect.gen(function* () {
      const first = yield* nodeOf(harness)
      const port = Address.port((yield* first.listen).addresses[0])
      const second = yield* nodeOf(harness, port)
      const error = yield* Effect.flip(second.listen)
      assert.strictEqual(error.reason, "listen")
      assert.include(error.message, String(port))
      assert.include(error.message, "in use")
    }),
  )

  check("a closed listener frees its port", (harness) =>
    Effect.gen(function* () {
      const first = yield* nodeOf(harness)
      const {
        addresses: [address],
      } = yield* Effect.scoped(first.listen)
      const second = yield* nodeOf(harness, Address.port(address))
      assert.strictEqual((yield* second.listen).addresses[0], address)
    }),
  )

  check("listening on an invalid port fails", (harness) =>
    Effect.gen(function* () {
      for (const port of [70_000, -1, 1.5, Number.NaN]) {
        const node = yield* nodeOf(harness, port)
        assert.strictEqual(yield* reasonOf(node.listen), "listen")
      }
    }),
  )

  check("port 0 picks a free port, another for each listener", (harness) =>
    Effect.gen(function* () {
      const addresses = new Set<string>()
      for (let i = 0; i < 5; i++) {
        const {
          addresses: [address],
        } = yield* (yield* nodeOf(harness)).listen
        assert.isTrue(Address.isAddress(address))
        addresses.add(address)
      }
      assert.strictEqual(addresses.size, 5)
    }),
  )

  check("each end reports the host of the other end", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer, listener } = yield* connected(harness)
      assert.strictEqual(dialer.remoteHost, Address.host(listener.addresses[0]))
      assert.strictEqual(acceptor.remoteHost, Address.host(listener.addresses[0]))
    }),
  )
}
