import { advertisedAddresses, isLoopback } from "../../../src/internal/accept/advertisedAddresses.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Os from "node:os"

const bound = (address: string) => ({ address, port: 7000 })

/** Returns interfaces with one address each. */
const machine = (...addresses: ReadonlyArray<string>): ReturnType<typeof Os.networkInterfaces> =>
  Object.fromEntries(
    addresses.map((address, i) => [
      `eth${i}`,
      [
        {
          address,
          netmask: "",
          mac: "",
          internal: isLoopback(address),
          cidr: null,
          ...(address.includes(":") ? { family: "IPv6" as const, scopeid: 0 } : { family: "IPv4" as const }),
        },
      ],
    ]),
  )

const advertised = (
  advertise: string | ReadonlyArray<string> | undefined,
  host: string,
  address: string,
  interfaces = machine("127.0.0.1", "192.0.2.7"),
) => Result.getOrUndefined(advertisedAddresses(advertise, host, bound(address), interfaces))?.join(" ")

/** Returns the advertised address of a server that listens on all interfaces of a machine with the given addresses. */
const onAll = (wildcard: "0.0.0.0" | "::", ...addresses: ReadonlyArray<string>) =>
  advertised(undefined, wildcard, wildcard, machine(...addresses))

const problemOf = (
  advertise: string | ReadonlyArray<string> | undefined,
  interfaces = machine("127.0.0.1", "192.0.2.7"),
) => {
  const result = advertisedAddresses(advertise, "0.0.0.0", bound("0.0.0.0"), interfaces)
  return Result.isFailure(result) ? result.failure : assert.fail(`${result.success} is advertised`)
}

/** Hosts that no other machine can dial. */
const undialable = ["0.0.0.1", "224.0.0.1", "239.1.2.3", "255.255.255.255", "ff02::1", "ff02::1%eth0", "fe80::1"]

describe("the advertised address", () => {
  it("is the host of the options with the port of the listener", () => {
    assert.strictEqual(advertised(undefined, "localhost", "127.0.0.1"), "localhost:7000")
    assert.strictEqual(advertised(undefined, "::1", "::1"), "[::1]:7000")
    assert.strictEqual(advertised(undefined, "169.254.1.1", "169.254.1.1"), "169.254.1.1:7000")
  })

  it("is the address of the option advertise, with its own port if it has one", () => {
    assert.strictEqual(advertised("node1.example.org", "0.0.0.0", "0.0.0.0"), "node1.example.org:7000")
    assert.strictEqual(advertised("node1.example.org:80", "0.0.0.0", "0.0.0.0"), "node1.example.org:80")
    assert.strictEqual(advertised("node1.example.org.", "0.0.0.0", "0.0.0.0"), "node1.example.org.:7000")
    assert.strictEqual(advertised("fd00:0::1", "::", "::"), "[fd00::1]:7000")
    assert.strictEqual(advertised("[fd00::1]", "::", "::"), "[fd00::1]:7000")
    assert.strictEqual(advertised("[fd00::1]:80", "::", "::"), "[fd00::1]:80")
  })

  it("is one of several of the option advertise, in their order, and the host if the list is empty", () => {
    assert.strictEqual(
      advertised(["public.example.org:80", "10.0.0.1"], "0.0.0.0", "0.0.0.0"),
      "public.example.org:80 10.0.0.1:7000",
    )
    assert.strictEqual(advertised([], "localhost", "127.0.0.1"), "localhost:7000")
  })

  it("of a server on all interfaces is a global address before a private one before a link-local one", () => {
    const all = ["127.0.0.1", "169.254.7.7", "10.1.2.3", "172.16.0.1", "192.0.2.7", "198.51.100.1"]
    assert.strictEqual(onAll("0.0.0.0", ...all), "192.0.2.7:7000")
    assert.strictEqual(onAll("0.0.0.0", ...all.slice(0, 4)), "10.1.2.3:7000")
    assert.strictEqual(onAll("0.0.0.0", ...all.slice(0, 2)), "169.254.7.7:7000")
    for (const inside of ["10.0.0.1", "172.31.0.1", "192.168.0.1", "100.64.0.1"]) {
      assert.strictEqual(onAll("0.0.0.0", inside, "172.32.0.1"), "172.32.0.1:7000", inside)
    }
  })

  it("of a server on all IPv4 interfaces is the same in every spelling of the host, and an IPv4 host is IPv4", () => {
    for (const host of ["::ffff:0.0.0.0", "::ffff:0:0", "0:0:0:0:0:ffff:0.0.0.0"]) {
      const interfaces = machine("2001:db8::1", "10.0.0.1")
      assert.strictEqual(advertised(undefined, host, "::ffff:0.0.0.0", interfaces), "10.0.0.1:7000", host)
    }
    assert.strictEqual(advertised(undefined, "::ffff:10.0.0.7", "::ffff:10.0.0.7"), "10.0.0.7:7000")
  })

  it("of a server on all IPv4 interfaces is an IPv4 address, because the server accepts no IPv6", () => {
    assert.strictEqual(onAll("0.0.0.0", "2001:db8::1", "10.0.0.1"), "10.0.0.1:7000")
    assert.strictEqual(onAll("0.0.0.0", "2001:db8::1"), undefined)
  })

  it("of a server on all interfaces of both families is IPv6 if both have the same scope", () => {
    assert.strictEqual(onAll("::", "192.0.2.7", "fd00::1", "2001:db8::1"), "[2001:db8::1]:7000")
    assert.strictEqual(onAll("::", "10.0.0.1", "fd00::1"), "[fd00::1]:7000")
    assert.strictEqual(onAll("::", "fd00::1", "192.0.2.7"), "192.0.2.7:7000")
    assert.strictEqual(onAll("::", "::1", "10.0.0.1"), "10.0.0.1:7000")
  })

  it("of several interfaces with the same scope is the address of the first", () => {
    assert.strictEqual(onAll("0.0.0.0", "10.0.0.2", "10.0.0.1"), "10.0.0.2:7000")
  })

  it("never needs a zone, and is never the loopback of a server on all interfaces", () => {
    assert.strictEqual(onAll("::", "127.0.0.1", "::1", "fe80::1"), undefined)
    assert.strictEqual(onAll("0.0.0.0", "127.0.0.1"), undefined)
    assert.strictEqual(onAll("0.0.0.0", "0.0.0.0"), undefined)
  })

  it("is an error that names the option if no interface has one", () => {
    const problem = problemOf(undefined, machine("127.0.0.1", "fd00::1"))
    assert.include(problem, "no network interface")
    assert.include(problem, "`advertise`")
  })

  it("is an error that names the option if the option advertise has an address that cannot be dialed", () => {
    const invalid = ["not a host", "0.0.0.0", "0.0.0.0:80", "::", "[::]", "[::]:80", "a:0", "a..b", "1.2.3"]
    for (const advertise of [...invalid, ...undialable]) {
      assert.include(problemOf(advertise), "`advertise`", advertise)
      assert.include(problemOf(["10.0.0.1", advertise]), "`advertise`", advertise)
    }
  })

  it("is an error that names the option if the host of the options cannot be dialed", () => {
    for (const host of undialable) {
      const result = advertisedAddresses(undefined, host, bound(host))
      assert.include(Result.isFailure(result) ? result.failure : "", "`advertise`", host)
      assert.strictEqual(advertised("node1", host, host), "node1:7000")
    }
  })

  it("may be any address that some host can dial: the loopback, link-local, reserved, or of another family", () => {
    for (const host of ["127.0.0.1", "::1", "localhost", "169.254.1.1", "240.0.0.1", "fe80::1%eth0", "fd00::1"]) {
      assert.strictEqual(advertised(host, "0.0.0.0", "0.0.0.0"), `${host.includes("::") ? `[${host}]` : host}:7000`)
    }
  })
})

describe("the loopback", () => {
  it("is distinguished from addresses that other machines reach", () => {
    for (const address of ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"]) assert.isTrue(isLoopback(address))
    for (const address of ["0.0.0.0", "::", "10.127.0.1", "::11", "fd00::1"]) assert.isFalse(isLoopback(address))
  })
})
