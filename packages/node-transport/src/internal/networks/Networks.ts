/** Lists of networks that a node accepts connections from and dials. */
import * as Result from "effect/Result"
import * as Net from "node:net"
import { unmapped, withoutZone } from "./ip.ts"

/** Networks as the options of the transports name them. */
export interface NetworkTexts {
  readonly allow?: ReadonlyArray<string> | undefined
  readonly deny?: ReadonlyArray<string> | undefined
}

/** Networks of both families. IPv4 addresses are never compared with networks of IPv6, so `::/0` is all of IPv6 alone. */
class NetworkList {
  private readonly ipv4 = new Net.BlockList()
  private readonly ipv6 = new Net.BlockList()

  /** Adds a network. Returns `false` if the text is no network. */
  add(text: string): boolean {
    const [address = "", prefixText, ...more] = text.split("/")
    if (more.length > 0 || (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText))) return false
    if (address.includes("%")) return false
    const ip = unmapped(address)
    if (Net.isIPv4(ip)) {
      const hidden = ip === address ? 0 : mappedBits
      return addSubnet(this.ipv4, ip, prefixText === undefined ? 32 : Number(prefixText) - hidden, "ipv4")
    }
    return Net.isIPv6(ip) && addSubnet(this.ipv6, ip, prefixText === undefined ? 128 : Number(prefixText), "ipv6")
  }

  has(ip: string): boolean {
    return Net.isIPv4(ip) ? this.ipv4.check(ip, "ipv4") : this.ipv6.check(ip, "ipv6")
  }
}

/** Number of bits before the IPv4 address in an IPv6 address that represents it. */
const mappedBits = 96

const addSubnet = (list: Net.BlockList, ip: string, prefix: number, family: "ipv4" | "ipv6"): boolean => {
  if (prefix < 0 || prefix > (family === "ipv4" ? 32 : 128)) return false
  list.addSubnet(ip, prefix, family)
  return true
}

export class Networks {
  private readonly allow: NetworkList | undefined
  private readonly deny: NetworkList

  constructor(allow: NetworkList | undefined, deny: NetworkList) {
    this.allow = allow
    this.deny = deny
  }

  /**
   * Returns the option that excludes an address, or `undefined` if the node may be connected with it. `deny` counts before `allow`. An
   * IPv4 address may be mapped into IPv6, and a zone is ignored. Both lists exclude a text that is no address.
   */
  excludes(address: string): "networks.allow" | "networks.deny" | undefined {
    const ip = unmapped(withoutZone(address))
    if (Net.isIP(ip) === 0 || this.deny.has(ip)) return "networks.deny"
    return this.allow === undefined || this.allow.has(ip) ? undefined : "networks.allow"
  }
}

/** Admits every address. */
export const everybody = new Networks(undefined, new NetworkList())

/** Reads the lists. Fails with a message that names the entry which is no network. */
export const make = (texts: NetworkTexts = {}): Result.Result<Networks, string> =>
  Result.gen(function* () {
    if (texts.allow?.length === 0) return yield* Result.fail(emptyAllow)
    const allow = texts.allow === undefined ? undefined : yield* listOf("networks.allow", texts.allow)
    return new Networks(allow, yield* listOf("networks.deny", texts.deny ?? []))
  })

const emptyAllow = `"networks.allow" is empty, which admits nobody: leave it out to admit everybody`

const listOf = (option: string, texts: ReadonlyArray<string>): Result.Result<NetworkList, string> => {
  const list = new NetworkList()
  for (const text of texts) {
    if (list.add(text)) continue
    return Result.fail(
      `"${option}" has ${JSON.stringify(text)}, which is no network: ` +
        `write an address with a prefix, such as 10.0.0.0/8 or fd00::/8, or an address alone`,
    )
  }
  return Result.succeed(list)
}
