const icon = (path: string) => () => (
  <svg
    class="icon"
    viewBox="0 0 16 16"
    width="16"
    height="16"
    fill="none"
    stroke="currentColor"
    stroke-width="1.5"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d={path} />
  </svg>
);

export const Overview = icon('M2.5 13.5v-4m3.7 4v-8m3.6 8V7.8m3.7 5.7V2.5');
export const Requests = icon('M2.5 4h11m-11 4h11m-11 4h7');
export const Sessions = icon('M2.5 3.5h11v7h-6l-3 2.5v-2.5h-2z');
export const Models = icon('M8 1.8 13.4 5v6L8 14.2 2.6 11V5zM2.6 5 8 8.1 13.4 5M8 8.1v6.1');
export const Providers = icon('M1.5 8h3L6.5 3l3 10 2-5h3');
export const Keys = icon('M10.5 8.5a3 3 0 1 0-2.6-1.5L2.5 12.4v1.4h2v-1.6h1.6v-1.6h1.6l1.1-1.1c.5.3 1.1.4 1.7.4z');
export const Workspaces = icon('M2.5 2.5h4.4v4.4H2.5zm6.6 0h4.4v4.4H9.1zM2.5 9.1h4.4v4.4H2.5zm6.6 0h4.4v4.4H9.1z');
export const Search = icon('M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zm3.3-1.2 3.2 3.2');
export const Close = icon('m4 4 8 8m0-8-8 8');
export const Download = icon('M8 2.5v7.3m-3-3 3 3 3-3M2.8 13.5h10.4');
export const Plus = icon('M8 3v10M3 8h10');
export const Copy = icon('M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z');
export const Check = icon('m3 8.5 3.3 3.3L13 4.8');
export const Chevron = icon('m6 3.5 4.5 4.5L6 12.5');
export const Theme = icon('M8 2.2a5.8 5.8 0 1 0 0 11.6zm0 0a5.8 5.8 0 0 1 0 11.6');
export const Leave = icon('M6.5 2.5h-4v11h4m3-8.5 3 3-3 3m3-3h-7');

export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
    <rect class="mark-ground" width="32" height="32" rx="8" />
    <path class="mark-post" d="M9 24V9" />
    <path class="mark-bar" d="M9 12.5 24 8.5" />
  </svg>
);
