/** Returns the event of an element of the diagram, with the element that represents the event. */
export const eventAt = (target: EventTarget | null): { readonly event: number; readonly node: Element } | undefined => {
  const node = target instanceof Element ? target.closest("[data-event]") : null
  const event = Number(node?.getAttribute("data-event") ?? Number.NaN)
  return node === null || Number.isNaN(event) ? undefined : { event, node }
}
