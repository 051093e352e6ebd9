// `prepack` of each published package: npm would leave `workspace:` versions and the condition of the sources in its manifest
if (!process.env.npm_config_user_agent?.startsWith("pnpm/")) {
  console.error("only pnpm packs this: npx -y pnpm@10 pack");
  process.exit(1);
}
