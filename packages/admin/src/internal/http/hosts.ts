/** Checks of the headers `Host`, `Origin` and `Sec-Fetch-Site`. */

/** Host name or IP address, and an optional port. */
const hostPattern = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i

const ipv4Pattern = /^\d{1,3}(\.\d{1,3}){3}$/

/** Returns the host of a header `Host` without its port, in lower case, or `undefined` if the header is invalid. */
export const hostOf = (header: string): string | undefined => hostPattern.exec(header)?.[1]?.toLowerCase()

const isAddress = (host: string): boolean => host.startsWith("[") || ipv4Pattern.test(host)

/**
 * Tests the header `Host`. An attack by DNS rebinding needs a name that the attacker owns. IP addresses and `localhost` are
 * therefore harmless, and any other name must be in the list. A request without the header is not from a browser.
 */
export const isHostAllowed = (header: string | undefined, allowed: ReadonlySet<string>): boolean => {
  if (header === undefined) return true
  const host = hostOf(header)
  if (host === undefined) return false
  return host === "localhost" || host.endsWith(".localhost") || isAddress(host) || allowed.has(host)
}

export interface OriginHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly "sec-fetch-site"?: string | undefined
}

/**
 * Tests that no page of another site sent the request, as `http.CrossOriginProtection` of Go does: `Sec-Fetch-Site` decides
 * if a browser sent it, and otherwise `Origin` must be this host. A request without both is not from a browser.
 */
export const isOriginAllowed = (headers: OriginHeaders): boolean => {
  const site = headers["sec-fetch-site"]
  if (site !== undefined) return site === "same-origin" || site === "none"
  if (headers.origin === undefined) return true
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host?.toLowerCase()
}
