// SPDX-License-Identifier: MIT
// The double twins' names of the transforms, losses, activations and element-wise operations.
// kernels/f64_names.h does the same for the layers, and says how it works.
#ifndef v2s_rdft
#define v2s_rdft v2s_rdft_f64
#define v2s_rdft_open v2s_rdft_open_f64
#define v2s_rdft_forward v2s_rdft_forward_f64
#define v2s_rdft_inverse v2s_rdft_inverse_f64
#define v2s_rdft_close v2s_rdft_close_f64
#define v2s_stft v2s_stft_f64
#define v2s_stft_open v2s_stft_open_f64
#define v2s_stft_bins v2s_stft_bins_f64
#define v2s_stft_frames v2s_stft_frames_f64
#define v2s_stft_forward v2s_stft_forward_f64
#define v2s_stft_backward v2s_stft_backward_f64
#define v2s_istft_forward v2s_istft_forward_f64
#define v2s_istft_backward v2s_istft_backward_f64
#define v2s_stft_close v2s_stft_close_f64
#define v2s_fir_matrix v2s_fir_matrix_f64
#define v2s_fir_matrix_open v2s_fir_matrix_open_f64
#define v2s_fir_matrix_forward v2s_fir_matrix_forward_f64
#define v2s_fir_matrix_backward v2s_fir_matrix_backward_f64
#define v2s_fir_matrix_close v2s_fir_matrix_close_f64
#define v2s_loss_mse v2s_loss_mse_f64
#define v2s_loss_edc v2s_loss_edc_f64
#define v2s_loss_mrstft v2s_loss_mrstft_f64
#define v2s_loss_mrstft_open v2s_loss_mrstft_open_f64
#define v2s_loss_mrstft_value v2s_loss_mrstft_value_f64
#define v2s_loss_mrstft_close v2s_loss_mrstft_close_f64
#define v2s_loss_intensity v2s_loss_intensity_f64
#define v2s_loss_intensity_open v2s_loss_intensity_open_f64
#define v2s_loss_intensity_value v2s_loss_intensity_value_f64
#define v2s_loss_intensity_close v2s_loss_intensity_close_f64
#define v2s_loss_binaural v2s_loss_binaural_f64
#define v2s_loss_binaural_open v2s_loss_binaural_open_f64
#define v2s_loss_binaural_value v2s_loss_binaural_value_f64
#define v2s_loss_binaural_close v2s_loss_binaural_close_f64
#define v2s_activation_args v2s_activation_args_f64
#define v2s_activation_forward v2s_activation_forward_f64
#define v2s_activation_backward v2s_activation_backward_f64
#define v2s_elementwise_args v2s_elementwise_args_f64
#define v2s_elementwise_forward v2s_elementwise_forward_f64
#define v2s_elementwise_backward v2s_elementwise_backward_f64
#else
#undef v2s_rdft
#undef v2s_rdft_open
#undef v2s_rdft_forward
#undef v2s_rdft_inverse
#undef v2s_rdft_close
#undef v2s_stft
#undef v2s_stft_open
#undef v2s_stft_bins
#undef v2s_stft_frames
#undef v2s_stft_forward
#undef v2s_stft_backward
#undef v2s_istft_forward
#undef v2s_istft_backward
#undef v2s_stft_close
#undef v2s_fir_matrix
#undef v2s_fir_matrix_open
#undef v2s_fir_matrix_forward
#undef v2s_fir_matrix_backward
#undef v2s_fir_matrix_close
#undef v2s_loss_mse
#undef v2s_loss_edc
#undef v2s_loss_mrstft
#undef v2s_loss_mrstft_open
#undef v2s_loss_mrstft_value
#undef v2s_loss_mrstft_close
#undef v2s_loss_intensity
#undef v2s_loss_intensity_open
#undef v2s_loss_intensity_value
#undef v2s_loss_intensity_close
#undef v2s_loss_binaural
#undef v2s_loss_binaural_open
#undef v2s_loss_binaural_value
#undef v2s_loss_binaural_close
#undef v2s_activation_args
#undef v2s_activation_forward
#undef v2s_activation_backward
#undef v2s_elementwise_args
#undef v2s_elementwise_forward
#undef v2s_elementwise_backward
#endif
