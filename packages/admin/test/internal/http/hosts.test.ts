import { isHostAllowed, isOriginAllowed } from "../../../src/internal/http/hosts.ts"
import { assert, describe, it } from "@effect/vitest"

const allowed = new Set(["admin.example"])

describe("the header Host", () => {
  for (const host of [
    undefined,
    "localhost",
    "localhost:24869",
    "a.localhost",
    "LOCALHOST",
    "127.0.0.1:80",
    "10.1.2.3",
    "[::1]:24869",
    "[fe80::1]",
    "admin.example",
    "Admin.Example:443",
  ]) {
    it(`may be ${host}`, () => assert.isTrue(isHostAllowed(host, allowed)))
  }
  for (const host of [
    "",
    "evil.example",
    "localhost.evil.example",
    "admin.example.evil.example",
    "127.0.0.1.evil.example",
    "notlocalhost",
    "localhost@evil.example",
    "localhost/",
    "localhost:port",
    "localhost:80:80",
    "[::1",
    "a b",
    "localhost\u0000",
  ]) {
    it(`must not be ${JSON.stringify(host)}`, () => assert.isFalse(isHostAllowed(host, allowed)))
  }
})

describe("the origin of a request", () => {
  const host = "localhost:24869"
  const cases = [
    [{ host }, true],
    [{ host, "sec-fetch-site": "same-origin" }, true],
    [{ host, "sec-fetch-site": "none" }, true],
    [{ host, "sec-fetch-site": "same-site" }, false],
    [{ host, "sec-fetch-site": "cross-site", origin: "http://localhost:24869" }, false],
    [{ host, origin: "http://localhost:24869" }, true],
    [{ host, origin: "http://localhost:3000" }, false],
    [{ host, origin: "http://evil.example" }, false],
    [{ host, origin: "null" }, false],
    [{ host, origin: "" }, false],
  ] as const
  for (const [headers, expected] of cases) {
    it(`is ${expected ? "allowed" : "refused"} with ${JSON.stringify(headers)}`, () =>
      assert.strictEqual(isOriginAllowed(headers), expected))
  }
})
