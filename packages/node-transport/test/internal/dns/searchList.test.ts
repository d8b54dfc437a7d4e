import { assert, describe, it } from "@effect/vitest"
import { candidates, parseSearchList } from "../../../src/internal/dns/searchList.ts"

describe("the search list of a resolv.conf", () => {
  it("has the domains of the last line with domains, without final dots", () => {
    const { domains } = parseSearchList("domain a\nsearch b.example.  c.example\t# c\nnameserver 10.0.0.1\n", "m")
    assert.deepStrictEqual(domains, ["b.example", "c.example"])
    assert.deepStrictEqual(parseSearchList("search b c\r\ndomain a.example", "m").domains, ["a.example"])
  })

  it("has the domain of the machine if no line has a domain", () => {
    assert.deepStrictEqual(parseSearchList("", "m.corp.example").domains, ["corp.example"])
    assert.deepStrictEqual(parseSearchList("; search a", "m").domains, [])
    assert.deepStrictEqual(parseSearchList("search .", "m.corp.example").domains, [])
  })

  it("has the number of dots of the last option, and 1 without one", () => {
    assert.strictEqual(parseSearchList("", "m").ndots, 1)
    assert.strictEqual(parseSearchList("options ndots:3 timeout:1\noptions rotate ndots:5", "m").ndots, 5)
    assert.strictEqual(parseSearchList("options ndots:99", "m").ndots, 15)
    assert.strictEqual(parseSearchList("options ndots:x", "m").ndots, 1)
  })
})

describe("the names that are looked up for a name", () => {
  const list = { domains: ["x", "y"], ndots: 2 }

  it("are the names in the domains and then the name itself, if it has few dots", () => {
    assert.deepStrictEqual(candidates("a", list), ["a.x", "a.y", "a"])
    assert.deepStrictEqual(candidates("a.b", list), ["a.b.x", "a.b.y", "a.b"])
  })

  it("are the name itself and then those in the domains, if it has as many dots as `ndots` says", () => {
    assert.deepStrictEqual(candidates("a.b.c", list), ["a.b.c", "a.b.c.x", "a.b.c.y"])
  })

  it("are only the name itself if it is absolute", () => {
    assert.deepStrictEqual(candidates("a.", list), ["a"])
    assert.deepStrictEqual(candidates("a.b.c.", list), ["a.b.c"])
  })
})
