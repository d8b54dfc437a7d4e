import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { selfTest } from "../../../src/internal/certificates/certificateTls.ts"
import {
  checkTrusted,
  credentialsOf,
  isSameMaterial,
  type Material,
} from "../../../src/internal/certificates/credentials.ts"
import type { CertificatesError } from "../../../src/internal/certificates/errors.ts"
import { trustOf } from "../../../src/internal/certificates/names.ts"
import { Authority, clientAuth, type Request, serverAuth } from "../../Authority.ts"
import { issue, materialOf } from "../../certificateNodes.ts"

const hour = 3_600_000
const root = Authority.root("root")
const other = Authority.root("other")
const middle = root.intermediate("middle")

const check = (material: Material, at = 0) => credentialsOf(material, Date.now() + at)
const of = (request: Request) => materialOf(issue(root, "node", request), [root])

/** Returns the error of material that must not be used. */
const errorOf = (material: Material, at = 0): CertificatesError => {
  const result = check(material, at)
  return Result.isFailure(result) ? result.failure : assert.fail("the material was accepted")
}

const expectError = (material: Material, reason: CertificatesError["reason"], text: string) => {
  const error = errorOf(material)
  assert.strictEqual(error.reason, reason)
  assert.include(error.message, text)
}

describe("the material of a node", () => {
  it.effect(
    "is used if the key, the times, the purposes, the names and the authorities fit, and is accepted by itself",
    () =>
      Effect.gen(function* () {
        for (const material of [
          of({}),
          of({ purposes: undefined }),
          materialOf(issue(middle), [root], { above: [middle] }),
          // An intermediate certificate may be in either text.
          materialOf(issue(middle), [root, middle]),
          materialOf(issue(root), [other, root]),
          materialOf(issue(middle), [root], { above: [middle], revoked: root.revoke([]) + middle.revoke([]) }),
        ]) {
          const credentials = Result.getOrThrow(check(material))
          assert.deepStrictEqual(credentials.names, ["spiffe://example.org/shop/node"])
          assert.isUndefined(yield* selfTest(credentials))
        }
      }),
  )

  it("may have white space at the ends of its lines, comments, and line ends of Windows", () => {
    const { authorities, certificate, key } = of({})
    const untidy = (text: string) => `# a comment\r\n\r\n${text.replace(/\n/g, " \r\n")}\n\n  `
    assert.isTrue(
      Result.isSuccess(
        check({
          certificate: untidy(certificate),
          key: Redacted.make(`\n${Redacted.value(key)} \n`),
          authorities: untidy(authorities),
        }),
      ),
    )
  })

  it("whose texts are no PEM is refused as invalid, without a word of the text", () => {
    const good = of({})
    const half = good.certificate.slice(0, 200)
    for (const wrong of [
      { ...good, certificate: "" },
      { ...good, certificate: half },
      { ...good, certificate: good.certificate + half },
      { ...good, certificate: good.certificate.replace(/\n.{10}/, "\nAAAAAAAAAA") },
      { ...good, authorities: "hunter2" },
      { ...good, key: Redacted.make("hunter2") },
      { ...good, key: Redacted.make(Redacted.value(good.key).slice(0, 100)) },
      { ...good, revoked: "hunter2" },
    ]) {
      const error = errorOf(wrong)
      assert.strictEqual(error.reason, "invalid")
      assert.notInclude(error.message, "hunter2")
    }
  })

  it("whose key belongs to another certificate is refused as mismatch", () => {
    expectError({ ...of({}), key: of({}).key }, "mismatch", "replace both together")
    const reversed = issue(middle)
    expectError(
      { ...materialOf(reversed, [root]), certificate: middle.certificate + reversed.certificate },
      "mismatch",
      "must be the first",
    )
  })

  it("that is out of its time is refused with both times, also by a certificate above or a list", () => {
    expectError(of({ to: -hour }), "expired", "here: replace it")
    expectError(of({ from: hour }), "notYetValid", "check the clock of this machine")
    const old = root.intermediate("old", { to: -hour })
    expectError(materialOf(issue(old), [root], { above: [old] }), "expired", 'the authority "CN=old" is valid to')
    const lateRoot = Authority.root("late", { from: hour })
    expectError(materialOf(issue(lateRoot), [lateRoot]), "notYetValid", 'the authority "CN=late"')
    expectError(
      materialOf(issue(root), [root], { revoked: root.revoke([], { to: -hour }) }),
      "expired",
      "a revocation list is valid to",
    )
    // The clock of a node that is off.
    assert.strictEqual(errorOf(of({}), 365 * 24 * hour).reason, "expired")
    assert.strictEqual(errorOf(of({}), -365 * 24 * hour).reason, "notYetValid")
  })

  it("that is not for both ends of a connection is refused as purpose", () => {
    expectError(of({ purposes: [serverAuth] }), "purpose", "is not for clientAuth")
    expectError(of({ purposes: [clientAuth] }), "purpose", "is not for serverAuth")
    expectError(of({ purposes: ["2.5.29.37.0"] }), "purpose", "is not for serverAuth and clientAuth")
  })

  it("whose chain does not end at a self-signed authority is refused as untrusted", () => {
    expectError(materialOf(issue(root), [other]), "untrusted", 'its issuer is "CN=root"')
    expectError(materialOf(issue(middle), [root]), "untrusted", "append the intermediate certificates")
    expectError(materialOf(issue(middle), [middle]), "untrusted", "self-signed authority")
    // A certificate of a node signs nothing.
    const signer = Authority.root("root", {})
    expectError(materialOf(issue(signer), [root]), "untrusted", "does not end at")
  })

  it("without a usable name is refused as names, and the common name does not count", () => {
    expectError(of({ commonName: "web-1.shop.internal", names: [] }), "names", "the common name does not count")
    expectError(of({ names: ["IP:10.0.0.1"] }), "names", "no DNS name and no URI")
    expectError(of({ names: ["URI:http://x/, URI:spiffe://example.org/shop/node"] }), "names", "imitate")
    const credentials = Result.getOrThrow(check(of({ names: ["DNS:a.b", "DNS:c.d"] })))
    const result = checkTrusted(credentials, Result.getOrThrow(trustOf(["*.e"])))
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) {
      assert.strictEqual(
        result.failure.message,
        'the certificate of this node has the names "a.b", "c.d", which the option `trust` (COTERIE_TLS_TRUST) does not allow: correct one of the two',
      )
    }
  })

  it("that is revoked is refused, and so are lists that leave an authority out", () => {
    const own = issue(middle)
    const above = [middle]
    expectError(materialOf(own, [root], { above, revoked: root.revoke([]) }), "unlisted", '"CN=middle"')
    expectError(
      materialOf(own, [root, other], { above, revoked: root.revoke([]) + middle.revoke([]) }),
      "unlisted",
      '"CN=other"',
    )
    expectError(
      materialOf(own, [root], { above, revoked: root.revoke([]) + middle.revoke([own]) }),
      "revoked",
      "replace it",
    )
  })

  it.effect("that only OpenSSL refuses is found by the handshake with itself", () =>
    Effect.gen(function* () {
      // A list with the name of the authority and the signature of another key.
      const forged = Authority.root("root").revoke([])
      const credentials = Result.getOrThrow(check(materialOf(issue(root), [root], { revoked: forged })))
      assert.match((yield* selfTest(credentials)) ?? "", /CRL/)
    }),
  )

  it("is the same if all of its texts are", () => {
    const material = of({})
    assert.isTrue(isSameMaterial(material, { ...material, key: Redacted.make(Redacted.value(material.key)) }))
    assert.isFalse(isSameMaterial(material, { ...material, key: of({}).key }))
    assert.isFalse(isSameMaterial(material, { ...material, revoked: root.revoke([]) }))
  })
})
