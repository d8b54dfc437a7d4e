import { assert, describe, it } from "@effect/vitest"
import * as Headers from "effect/http/Headers"
import { headersOf, peerOf } from "../../../src/internal/server/peerHeaders.ts"

describe("the headers of a peer", () => {
  it("name the peer with its generation", () => {
    const peer = { name: "b", generation: 7 }
    assert.deepStrictEqual(peerOf(Headers.fromInput(headersOf(peer))), peer)
  })

  it("override the headers of the request", () => {
    const forged: ReadonlyArray<readonly [string, string]> = [
      ["Coterie-Peer", "c"],
      ["coterie-generation", "1"],
    ]
    const headers = Headers.fromInput([...forged, ...headersOf({ name: "b", generation: 7 })])
    assert.deepStrictEqual(peerOf(headers), { name: "b", generation: 7 })
  })

  it("are missing from a request that did not come from a peer", () => {
    assert.isUndefined(peerOf(Headers.empty))
  })
})
