import { fileURLToPath } from 'node:url';
import vue from '@vitejs/plugin-vue';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { english } from './vite.english.ts';

/** The gateway that the development server sends API requests to. */
const api = process.env.KTGG_API ?? 'http://localhost:8088';

/**
 * Begins every file of styles with the order of the layers: which file a browser reads first
 * depends on the view.
 */
const layerOrder: Plugin = {
  name: 'layer-order',
  generateBundle(_, bundle) {
    for (const asset of Object.values(bundle)) {
      if (asset.type !== 'asset' || !asset.fileName.endsWith('.css')) continue;
      const order = '@layer reset,tokens,base,components,screens;';
      asset.source = order + String(asset.source);
    }
  },
};

/** A module that at least so many views share is in the kit. */
const MOST_VIEWS = 16;
/** What stands in forms, which no list needs. */
const FORMS =
  /src\/(forms\/|ui\/(Field|Form|FormErrors|Note|RadioGroup|TextArea|TextInput|Select|Checkbox|field)\b)/u;
const LATER = /src\/ui\/(Sheet|ConfirmDialog|IconButton|DataTable|table|Panel|popover)\b/u;
const isAtOnce = (id: string): boolean => !FORMS.test(id) && !LATER.test(id);

export default defineConfig({
  plugins: [vue(), english(), layerOrder],
  define: {
    // Every component is one of `<script setup>`.
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
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
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // The font's list of subsets changes with its version only, and is cached by itself.
            { name: 'fonts', test: /pretendard/u, priority: 3 },
            // One file compresses better than ten.
            { name: 'app', tags: ['$initial'], priority: 2 },
            // What most views show at once. What they show later is in files of its own.
            { name: 'kit', test: isAtOnce, minShareCount: MOST_VIEWS, priority: 1 },
            { name: 'forms', test: FORMS },
          ],
        },
      },
    },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'] },
});
