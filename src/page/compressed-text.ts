// Text that stands in the page compressed: gzip, as base64 in an element that no browser runs or shows.

/** @param id of the element */
export async function readCompressed(id: string): Promise<string> {
  const letters = atob(document.getElementById(id)!.textContent)
  const bytes = new Uint8Array(letters.length)
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i)
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text()
}
