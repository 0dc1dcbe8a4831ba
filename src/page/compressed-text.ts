// Text that stands in the page compressed: gzip, as base64 in an element that no browser runs or shows.

/** @param id of the element */
export async function readCompressed(id: string): Promise<string> {
  const letters = atob(document.getElementById(id)!.textContent)
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0))
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text()
}
