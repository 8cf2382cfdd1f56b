import '@fontsource-variable/inter/wght.css';
import { render } from 'preact';
import { App } from './app';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/views.css';

render(<App />, document.getElementById('app')!);
