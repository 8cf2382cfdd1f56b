import { defineConfig } from 'vite';

// The page stands under /dashboard/ and asks for nothing from elsewhere.
export default defineConfig({
  base: '/dashboard/',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/dashboard/session'].map((path) => [path, process.env.TOLLGATE_URL ?? 'http://127.0.0.1:8700']),
    ),
  },
});
