/** Search list of the system: the domains in which a relative name is looked up (resolv.conf(5)). */

export interface SearchList {
  readonly domains: ReadonlyArray<string>
  /** Number of dots from which a name is looked up as it is before it is looked up in the domains. */
  readonly ndots: number
}

/** Greatest value of `ndots`, and its default, from resolv.conf(5). */
const maxNdots = 15
const defaultNdots = 1

/**
 * Returns the search list in the text of a resolv.conf. The last `search` or `domain` line counts. Without either, the
 * domain is the domain of the machine's name, if it has one.
 */
export const parseSearchList = (text: string, hostname: string): SearchList => {
  let domains = [hostname.replace(/^[^.]*\.?/, "")]
  let ndots = defaultNdots
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/)
    if (keyword === "search") domains = values
    else if (keyword === "domain") domains = values.slice(0, 1)
    else if (keyword === "options") ndots = ndotsOf(values) ?? ndots
  }
  return { domains: domains.map((domain) => domain.replace(/\.$/, "")).filter((domain) => domain !== ""), ndots }
}

const ndotsOf = (options: ReadonlyArray<string>): number | undefined => {
  const values = options.flatMap((option) => (/^ndots:\d+$/.test(option) ? [Number(option.slice(6))] : []))
  const last = values.at(-1)
  return last === undefined ? undefined : Math.min(last, maxNdots)
}

/** Returns the absolute names, without final dots, that are looked up for a name one after the other. */
export const candidates = (name: string, { domains, ndots }: SearchList): ReadonlyArray<string> => {
  if (name.endsWith(".")) return [name.slice(0, -1)]
  const completed = domains.map((domain) => `${name}.${domain}`)
  return name.split(".").length - 1 >= ndots ? [name, ...completed] : [...completed, name]
}
