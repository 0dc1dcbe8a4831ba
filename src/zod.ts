// What `import … from 'zod'` means in a plugin: the zod of this program.
export * from 'zod'
export { default } from 'zod'
