import { VueQueryPlugin } from '@tanstack/vue-query';
import { createApp } from 'vue';
import { queryClient } from '@/api/queries';
import { router } from '@/router';
import App from '@/App.vue';
import '@/styles/index.css';

createApp(App).use(router).use(VueQueryPlugin, { queryClient }).mount('#app');
