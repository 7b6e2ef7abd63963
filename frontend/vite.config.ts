import { fileURLToPath } from 'node:url';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

/** The gateway that the development server sends API requests to. */
const api = process.env.KTGG_API ?? 'http://localhost:8088';

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: {
    host: '127.0.0.1',
    // The gateway refuses writes of pages of another origin.
    proxy: { '/api': { target: api, headers: { origin: new URL(api).origin } }, '/docs': api },
  },
  build: {
    target: 'es2023',
    // A data: URL would need an exception in the content security policy.
    assetsInlineLimit: 0,
    // The polyfill of module preloads is an inline fetch that current browsers do not need.
    modulePreload: { polyfill: false },
    manifest: true,
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'] },
});
