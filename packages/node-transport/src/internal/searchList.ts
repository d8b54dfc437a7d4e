/** The search list of the system: domains in which a name that is not absolute is looked up (resolv.conf(5)). */

export interface SearchList {
  readonly domains: ReadonlyArray<string>
  /** Number of dots from which a name is tried as it is before it is looked up in the domains. */
  readonly ndots: number
}

/** Greatest value of `ndots`, and the value of a file without one, as resolv.conf(5) says. */
const maxNdots = 15
const defaultNdots = 1

/**
 * Returns the search list in the text of a resolv.conf. The last `search` or `domain` counts. Without either, the domain is that of
 * the name of the machine, if it has one.
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

/** Returns the absolute names, without their final dots, by which a name is looked up one after the other. */
export const candidates = (name: string, { domains, ndots }: SearchList): ReadonlyArray<string> => {
  if (name.endsWith(".")) return [name.slice(0, -1)]
  const completed = domains.map((domain) => `${name}.${domain}`)
  return name.split(".").length - 1 >= ndots ? [name, ...completed] : [...completed, name]
}
