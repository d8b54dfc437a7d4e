import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { credentialsOf } from "../../../src/internal/certificates/credentials.ts"
import { ExpiryWarnings } from "../../../src/internal/certificates/ExpiryWarnings.ts"
import { Authority } from "../../Authority.ts"
import { issue, materialOf } from "../../certificateNodes.ts"

const hour = 3_600_000
const day = 24 * hour
const authority = Authority.root("authority", { from: -60 * day, to: 60 * day })

const of = (to: number, listTo?: number) =>
  Result.getOrThrow(
    credentialsOf(
      materialOf(issue(authority, "node", { from: -60 * day, to }), [authority], {
        ...(listTo === undefined ? {} : { revoked: authority.revoke([], { from: -60 * day, to: listTo }) }),
      }),
      Date.now(),
    ),
  )

describe("warnings of an expiry", () => {
  it("come once a day for a certificate, start anew with another one, and say when it has expired", () => {
    const warnings = new ExpiryWarnings()
    const now = Date.now()
    const near = of(6 * day)
    assert.deepStrictEqual(warnings.due(of(29 * day), now), [])
    const [first, ...more] = warnings.due(near, now)
    assert.match(
      first ?? "",
      /^the certificate of this node \(the name "spiffe:.*valid to .*\) expires soon: replace it/,
    )
    assert.deepStrictEqual(more, [])
    assert.deepStrictEqual(warnings.due(near, now + 23 * hour), [])
    assert.strictEqual(warnings.due(near, now + 25 * hour).length, 1)
    // Replaced, and the next one is near its end, too.
    assert.strictEqual(warnings.due(of(5 * day), now + 26 * hour).length, 1)
    assert.match(warnings.due(near, now + 7 * day)[0] ?? "", /has expired, and peers refuse new connections/)
  })

  it("come for a revocation list, too", () => {
    const warnings = new ExpiryWarnings()
    assert.match(warnings.due(of(29 * day, 2 * day), Date.now())[0] ?? "", /^a revocation list ends soon/)
  })
})
