import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Crypto from "node:crypto"
import { credentialsOf } from "../../../src/internal/certificates/credentials.ts"
import { type Handshaken, judge, withdrawnBy } from "../../../src/internal/certificates/judge.ts"
import { trustOf } from "../../../src/internal/certificates/names.ts"
import { Authority, clientAuth, type Issued, serverAuth } from "../../Authority.ts"
import { issue, materialOf, trust } from "../../certificateNodes.ts"

const hour = 3_600_000
const a = Authority.root("a")
const b = Authority.root("b")
const middle = a.intermediate("middle")
const isTrusted = Result.getOrThrow(trustOf(trust))

const credentials = (authorities: ReadonlyArray<Authority>, revoked?: string) =>
  Result.getOrThrow(
    credentialsOf(
      materialOf(issue(authorities[0] ?? a), authorities, revoked === undefined ? {} : { revoked }),
      Date.now(),
    ),
  )

const ownCredentials = credentials([a])

const shaken = (peer: Issued | undefined, changes: Partial<Handshaken> = {}): Handshaken => ({
  authorized: true,
  authorizationError: new Error("none"),
  isSessionReused: () => false,
  getPeerX509Certificate: () => (peer === undefined ? undefined : new Crypto.X509Certificate(peer.certificate)),
  ...changes,
})

const proofOf = (peer: Issued, with_ = ownCredentials) => {
  const verdict = judge(shaken(peer), with_, isTrusted, Date.now())
  return verdict._tag === "Trusted" ? verdict.proof : assert.fail(verdict.detail)
}

const detailOf = (socket: Handshaken, now = Date.now(), with_ = ownCredentials) => {
  const verdict = judge(socket, with_, isTrusted, now)
  return verdict._tag === "Refused" ? verdict.detail : assert.fail("the peer is trusted")
}

describe("the check of a peer", () => {
  it("gives the names, the fingerprint and the expiry of a certificate that is trusted", () => {
    const peer = issue(a, "ann", { names: ["DNS:Ann.example", "URI:spiffe://example.org/shop/ann"] })
    const certificate = new Crypto.X509Certificate(peer.certificate)
    assert.deepStrictEqual(proofOf(peer).identity, {
      _tag: "Certificate",
      names: ["ann.example", "spiffe://example.org/shop/ann"],
      fingerprint: certificate.fingerprint256,
      validTo: certificate.validToDate.getTime(),
    })
  })

  it("refuses a peer without a certificate, and one that OpenSSL did not accept, whatever its names are", () => {
    assert.strictEqual(detailOf(shaken(undefined)), "it presented no certificate")
    const peer = issue(b, "ann")
    // Node sets a text, although its type says otherwise.
    const authorizationError: unknown = "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
    const socket: Handshaken = Object.assign(shaken(peer, { authorized: false }), { authorizationError })
    assert.match(
      detailOf(socket),
      /is not accepted by the authorities of this node \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)$/,
    )
    assert.include(detailOf(shaken(peer, { authorized: false })), "(unknown reason)")
    assert.include(detailOf(shaken(issue(a), { isSessionReused: () => true })), "is not accepted")
  })

  it("says both times of a certificate that has expired or is not yet valid", () => {
    const peer = issue(a)
    const { validToDate } = new Crypto.X509Certificate(peer.certificate)
    const to = validToDate.toISOString().replace(".000", "")
    const now = validToDate.getTime() + 190_000
    assert.include(
      detailOf(shaken(peer, { authorized: false }), now),
      `is valid to ${to}, and it is ${new Date(now).toISOString().replace(".000", "")} here`,
    )
    assert.match(detailOf(shaken(issue(a, "x", { from: hour }))), /is valid from .*, and it is .* here$/)
  })

  it("refuses names that `trust` does not allow, quoted and bounded, and names that imitate others", () => {
    assert.include(
      detailOf(shaken(a.issue({ names: ["DNS:other.example"] }))),
      'has the name "other.example", which `trust` does not allow',
    )
    assert.include(
      detailOf(shaken(a.issue({ names: ["DNS:x.y", "DNS:z.y"] }))),
      'the names "x.y", "z.y", which `trust` does not allow',
    )
    assert.include(detailOf(shaken(a.issue({ names: [] }))), "has no DNS name and no URI, which `trust` does not allow")
    assert.include(
      detailOf(shaken(a.issue({ names: ["URI:http://x/, URI:spiffe://example.org/shop/ann"] }))),
      "has a name that imitates another",
    )
    const many = Array.from({ length: 30 }, (_, i) => `URI:spiffe://evil/${i}/${"x".repeat(500)}`)
    assert.isBelow(detailOf(shaken(a.issue({ names: many }))).length, 600)
  })

  it("refuses a certificate for one end of a connection only, whichever end that is", () => {
    assert.match(detailOf(shaken(issue(a, "x", { purposes: [serverAuth] }))), /is not for clientAuth$/)
    assert.match(detailOf(shaken(issue(a, "x", { purposes: [clientAuth] }))), /is not for serverAuth$/)
  })

  it("refuses a certificate that is revoked", () => {
    const peer = issue(a)
    assert.include(detailOf(shaken(peer), Date.now(), credentials([a], a.revoke([peer]))), "is revoked")
    proofOf(peer, credentials([a], a.revoke([issue(a)])))
  })
})

describe("later credentials", () => {
  it("keep a connection while its authority stays, and withdraw it when the authority is gone", () => {
    const proof = proofOf(issue(a), credentials([a]))
    assert.isUndefined(withdrawnBy(proof, credentials([a, b])))
    assert.include(withdrawnBy(proof, credentials([b])), "the authority of its certificate")
    const both = proofOf(issue(a), credentials([a, b]))
    assert.isUndefined(withdrawnBy(both, credentials([a])))
    assert.include(withdrawnBy(both, credentials([b])), "was removed")
  })

  it("withdraw a connection whose chain is not known if an authority is gone, and only then", () => {
    // The side that was dialed does not see the intermediate certificate.
    const proof = {
      ...proofOf(issue(a), credentials([a, b])),
      certificate: new Crypto.X509Certificate(issue(middle).certificate),
    }
    assert.isUndefined(withdrawnBy(proof, credentials([a, b])))
    assert.include(withdrawnBy(proof, credentials([a])), "was removed")
    const known = { ...proof, above: [new Crypto.X509Certificate(middle.certificate)] }
    assert.isUndefined(withdrawnBy(known, credentials([a])))
  })

  it("withdraw a connection with a revoked certificate in its chain", () => {
    const peer = issue(a)
    assert.include(withdrawnBy(proofOf(peer), credentials([a], a.revoke([peer]))), "was revoked")
    assert.isUndefined(withdrawnBy(proofOf(peer), credentials([a], a.revoke([]))))
    const below = { ...proofOf(issue(a)), certificate: new Crypto.X509Certificate(issue(middle).certificate) }
    const proof = { ...below, above: [new Crypto.X509Certificate(middle.certificate)] }
    const serial = Buffer.from(new Crypto.X509Certificate(middle.certificate).serialNumber, "hex")
    assert.include(
      withdrawnBy(proof, credentials([a], a.revoke([{ certificate: "", key: "", serial }]))),
      "was revoked",
    )
  })
})
